package dev.cocoli.backend.cuda.graphs;

import static dev.cocoli.bindings.cudart.CudaRuntime.*;

import dev.cocoli.backend.Closing;
import dev.cocoli.backend.cuda.CudaDevice;
import dev.cocoli.bindings.NativeException;
import dev.cocoli.bindings.NativeHandle;
import dev.cocoli.bindings.status.CudaStatus;
import java.util.ArrayList;
import java.util.List;

/**
 * Captures what is queued on the compute stream instead of letting it run. Meanwhile nothing may
 * wait for the stream, and memory is neither taken nor given back in its order: what must happen
 * after the captured work is kept until that has been queued.
 */
public final class GraphRecorder {
  private final CudaDevice device;
  private final List<Runnable> afterwards = new ArrayList<>();
  private boolean recording;

  /** Records on a device's compute stream. */
  public GraphRecorder(CudaDevice device) {
    this.device = device;
  }

  /** Returns whether what is queued now is captured. */
  public boolean isRecording() {
    return recording;
  }

  /**
   * Throws if what is queued now is captured.
   *
   * @param call what cannot be
   */
  public void requireIdle(String call) {
    if (recording) {
      throw new IllegalStateException(
          call
              + " within a captured region: what it does could not be captured in a CUDA graph, so"
              + " it belongs before or after the region");
    }
  }

  /** Runs something once the captured work has been queued. */
  public void afterwards(Runnable action) {
    afterwards.add(action);
  }

  /** Begins a capture. */
  void begin() {
    device.enter();
    // the other modes forbid calls that hurt nothing here: cudaMalloc, loading a kernel, what
    // another device's thread does
    CudaStatus.check(
        "cudaStreamBeginCapture",
        cudaStreamBeginCapture(device.computeStream(), cudaStreamCaptureModeRelaxed()));
    recording = true;
  }

  /**
   * Ends.
   *
   * @return what was captured, ready to be launched; the caller closes it
   * @throws IllegalStateException if a call has made it unusable; the stream is usable all the same
   */
  NativeHandle end() {
    try (NativeHandle graph = endCapture()) {
      return NativeHandle.create(
          CudaStatus::check,
          "cudaGraphInstantiate",
          out -> cudaGraphInstantiate(out, graph.pointer(), 0),
          pointer -> CudaStatus.check("cudaGraphExecDestroy", cudaGraphExecDestroy(pointer)));
    }
  }

  private NativeHandle endCapture() {
    recording = false;
    device.enter();
    try {
      return NativeHandle.create(
          CudaStatus::check,
          "cudaStreamEndCapture",
          out -> cudaStreamEndCapture(device.computeStream(), out),
          graph -> CudaStatus.check("cudaGraphDestroy", cudaGraphDestroy(graph)));
    } catch (NativeException e) {
      // the next launch would report it again
      int ignored = cudaGetLastError();
      throw new IllegalStateException(
          "a region could not be captured as a CUDA graph; leave out -Dcocoli.cuda.graphs=true: "
              + e.getMessage(),
          e);
    }
  }

  /** Ends a capture that failed: what was captured never runs. */
  void abandon(Throwable failure) {
    if (recording) {
      try {
        endCapture().close();
      } catch (RuntimeException e) {
        failure.addSuppressed(e);
      }
    }
  }

  /** Queues what was captured. */
  void launch(NativeHandle graph) {
    device.enter();
    CudaStatus.check("cudaGraphLaunch", cudaGraphLaunch(graph.pointer(), device.computeStream()));
  }

  /** Says that the captured work has been queued, or is lost. */
  void settle() {
    List<Runnable> due = List.copyOf(afterwards);
    afterwards.clear();
    Closing.all(due.stream().map(action -> (AutoCloseable) action::run).toList());
  }
}

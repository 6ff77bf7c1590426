package dev.cocoli.backend.cuda;

import static dev.cocoli.bindings.cudart.CudaRuntime.*;

import dev.cocoli.bindings.NativeHandle;
import dev.cocoli.bindings.status.CudaStatus;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** A point in a stream's work that others can wait for. It can be recorded again. */
public final class CudaEvent implements StagingRing.Mark {
  private final NativeHandle event;

  private CudaEvent(int flags) {
    event =
        NativeHandle.create(
            CudaStatus::check,
            "cudaEventCreateWithFlags",
            out -> cudaEventCreateWithFlags(out, flags),
            pointer -> CudaStatus.check("cudaEventDestroy", cudaEventDestroy(pointer)));
  }

  /** Returns an event for order alone, which is cheaper. */
  static CudaEvent forOrder() {
    return new CudaEvent(cudaEventDisableTiming());
  }

  /** Returns an event that knows when it happened. */
  public static CudaEvent forTiming() {
    return new CudaEvent(cudaEventDefault());
  }

  @Override
  public void record(MemorySegment stream) {
    CudaStatus.check("cudaEventRecord", cudaEventRecord(event.pointer(), stream));
  }

  /** Lets a stream's later work wait for this; the host does not. */
  void holdUp(MemorySegment stream) {
    CudaStatus.check(
        "cudaStreamWaitEvent",
        cudaStreamWaitEvent(stream, event.pointer(), cudaEventWaitDefault()));
  }

  /** Waits on the host. */
  public void await() {
    CudaStatus.check("cudaEventSynchronize", cudaEventSynchronize(event.pointer()));
  }

  @Override
  public boolean hasHappened() {
    int status = cudaEventQuery(event.pointer());
    if (status == cudaErrorNotReady()) {
      return false;
    }
    CudaStatus.check("cudaEventQuery", status);
    return true;
  }

  /** Returns the milliseconds since another event; both must have happened. */
  public float millisecondsSince(CudaEvent start) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.JAVA_FLOAT);
      CudaStatus.check(
          "cudaEventElapsedTime",
          cudaEventElapsedTime(out, start.event.pointer(), event.pointer()));
      return out.get(ValueLayout.JAVA_FLOAT, 0);
    }
  }

  @Override
  public void close() {
    event.close();
  }
}

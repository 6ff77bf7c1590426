package dev.cocoli.backend.cuda;

import static dev.cocoli.bindings.cudart.CudaRuntime.*;

import dev.cocoli.backend.Closing;
import dev.cocoli.bindings.NativeException;
import dev.cocoli.bindings.NativeHandle;
import dev.cocoli.bindings.NativeLibraryException;
import dev.cocoli.bindings.NvidiaLibraries;
import dev.cocoli.bindings.NvidiaLibrary;
import dev.cocoli.bindings.status.CudaStatus;
import dev.cocoli.tensor.Device;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * One GPU: its primary context, a stream that computes, and one that copies beside it. CUDA knows a
 * current device for each thread of the operating system; {@link #enter} makes this one current, so
 * that whatever calls CUDA begins with it.
 */
public final class CudaDevice implements AutoCloseable {
  /** With what each of them needs, all that the backend calls. */
  private static final NvidiaLibrary[] NEEDED = {
    NvidiaLibrary.CUDA_RUNTIME,
    NvidiaLibrary.CUBLAS_LT,
    NvidiaLibrary.CUBLAS,
    NvidiaLibrary.NVRTC,
    NvidiaLibrary.CUDNN
  };

  private final Device device;
  private final ComputeCapability computeCapability;
  private final int multiprocessors;
  private final boolean pools;
  private final NativeHandle computeStream;
  private final NativeHandle copyStream;

  private CudaDevice(Device device) {
    this.device = device;
    enter();
    CudaStatus.check("cudaInitDevice", cudaInitDevice(device.index(), 0, 0));
    computeCapability =
        new ComputeCapability(
            attribute(cudaDevAttrComputeCapabilityMajor()),
            attribute(cudaDevAttrComputeCapabilityMinor()));
    multiprocessors = attribute(cudaDevAttrMultiProcessorCount());
    pools = attribute(cudaDevAttrMemoryPoolsSupported()) != 0;
    computeStream = stream();
    try {
      copyStream = stream();
    } catch (RuntimeException e) {
      computeStream.close();
      throw e;
    }
  }

  /**
   * Opens a GPU. Threads of its own are not needed, but all calls must come from platform threads.
   *
   * @throws IllegalArgumentException if there is no such GPU, or a library is missing; the message
   *     says what was tried and what to do
   */
  static CudaDevice open(Device device) {
    Optional<String> problem = problem(device);
    if (problem.isPresent()) {
      throw new IllegalArgumentException("device " + device + ": " + problem.get());
    }
    return new CudaDevice(device);
  }

  /** Returns why a GPU cannot be used; nothing if it can. Without a driver it loads nothing. */
  static Optional<String> problem(Device device) {
    if (NvidiaLibraries.driver().isEmpty()) {
      return Optional.of(
          "CUDA needs NVIDIA's driver (libcuda.so.1), which is not there; install it"
              + " (https://www.nvidia.com/drivers), and for a container the NVIDIA Container"
              + " Toolkit on its host. "
              + libraries());
    }
    try {
      NvidiaLibraries.load(NEEDED);
      int count = count();
      return device.index() < count
          ? Optional.empty()
          : Optional.of(
              "there is no such GPU, only "
                  + (count == 1 ? "cuda:0" : "cuda:0 to cuda:" + (count - 1)));
    } catch (NativeLibraryException e) {
      return Optional.of(e.getMessage());
    } catch (NativeException e) {
      return Optional.of(
          e.getMessage() + " (see nvidia-smi, CUDA_VISIBLE_DEVICES). " + libraries());
    }
  }

  /** Returns how many GPUs there are; the libraries are loaded. */
  static int count() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.JAVA_INT);
      CudaStatus.check("cudaGetDeviceCount", cudaGetDeviceCount(out));
      return out.get(ValueLayout.JAVA_INT, 0);
    }
  }

  /** Says which libraries there are, and where was looked for those that are not. */
  private static String libraries() {
    List<String> found = new ArrayList<>();
    List<String> missing = new ArrayList<>();
    for (NvidiaLibrary library : NEEDED) {
      NvidiaLibraries.report(library)
          .file()
          .ifPresentOrElse(
              file -> found.add(file.toString()), () -> missing.add(library.displayName()));
    }
    String text = "Libraries found: " + (found.isEmpty() ? "none" : String.join(", ", found));
    if (missing.isEmpty()) {
      return text;
    }
    String places =
        NvidiaLibraries.places().stream()
            .map(place -> place.directory().toString())
            .collect(Collectors.joining(", "));
    return text
        + "; not found: "
        + String.join(", ", missing)
        + "; tried: "
        + places
        + " (cocoli doctor says how to get them)";
  }

  private static NativeHandle stream() {
    return NativeHandle.create(
        CudaStatus::check,
        "cudaStreamCreateWithFlags",
        out -> cudaStreamCreateWithFlags(out, cudaStreamNonBlocking()),
        pointer -> CudaStatus.check("cudaStreamDestroy", cudaStreamDestroy(pointer)));
  }

  private int attribute(int attribute) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.JAVA_INT);
      CudaStatus.check(
          "cudaDeviceGetAttribute", cudaDeviceGetAttribute(out, attribute, device.index()));
      return out.get(ValueLayout.JAVA_INT, 0);
    }
  }

  /**
   * Makes this the calling thread's device. It is cheap; another backend may have run on this
   * thread since the last call.
   */
  public void enter() {
    if (Thread.currentThread().isVirtual()) {
      throw new IllegalStateException(
          "a virtual thread cannot drive " + device + ": CUDA keeps its state in platform threads");
    }
    CudaStatus.check("cudaSetDevice", cudaSetDevice(device.index()));
  }

  /** Returns which one this is. */
  public Device device() {
    return device;
  }

  /** Returns what its kernels are compiled for. */
  public ComputeCapability computeCapability() {
    return computeCapability;
  }

  /** Returns how many multiprocessors it has. */
  int multiprocessors() {
    return multiprocessors;
  }

  /** Returns whether it allocates in the order of a stream. */
  boolean hasMemoryPools() {
    return pools;
  }

  /** Returns the stream of everything that computes. */
  public MemorySegment computeStream() {
    return computeStream.pointer();
  }

  /** Returns the stream on which bytes come from the host. */
  MemorySegment copyStream() {
    return copyStream.pointer();
  }

  /** Waits for both streams. */
  void synchronize() {
    enter();
    synchronize(copyStream());
    synchronize(computeStream());
  }

  static void synchronize(MemorySegment stream) {
    CudaStatus.check("cudaStreamSynchronize", cudaStreamSynchronize(stream));
  }

  @Override
  public void close() {
    enter();
    Closing.all(copyStream, computeStream);
  }
}

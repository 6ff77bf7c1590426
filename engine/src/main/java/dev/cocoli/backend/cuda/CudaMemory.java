package dev.cocoli.backend.cuda;

import static dev.cocoli.bindings.cudart.CudaRuntime.*;

import dev.cocoli.backend.DeviceMemoryException;
import dev.cocoli.backend.cuda.graphs.GraphRecorder;
import dev.cocoli.bindings.access.NativeAccess;
import dev.cocoli.bindings.status.CudaStatus;
import dev.cocoli.tensor.Buffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Locale;

/**
 * A GPU's memory. Pieces come and go in the order of the compute stream, from CUDA's own pool,
 * which keeps what it once got; where a device has none, by calls that wait. A piece's segment is
 * an address and a size: the host cannot read it.
 */
public final class CudaMemory implements AutoCloseable {
  private final CudaDevice device;
  private final GraphRecorder recorder;

  /** CUDA's pool, or null. */
  private final MemorySegment pool;

  private long liveBuffers;
  private long liveBytes;
  private Runnable lastResort = () -> {};

  CudaMemory(CudaDevice device, GraphRecorder recorder) {
    this.device = device;
    this.recorder = recorder;
    this.pool = device.hasMemoryPools() ? defaultPool(device) : null;
  }

  private static MemorySegment defaultPool(CudaDevice device) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.ADDRESS);
      CudaStatus.check(
          "cudaDeviceGetDefaultMemPool", cudaDeviceGetDefaultMemPool(out, device.device().index()));
      MemorySegment pool = out.get(ValueLayout.ADDRESS, 0);
      // all bits set: never give memory back by itself, which would happen at each synchronisation
      MemorySegment threshold = arena.allocateFrom(ValueLayout.JAVA_LONG, -1L);
      CudaStatus.check(
          "cudaMemPoolSetAttribute",
          cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold(), threshold));
      return pool;
    }
  }

  /** Says what else can be freed before an allocation is given up. */
  void beforeGivingUp(Runnable action) {
    lastResort = action;
  }

  /**
   * Returns memory whose bytes are undefined; closing it frees it after what is queued.
   *
   * @throws DeviceMemoryException if there is not enough even after everything unused was freed
   */
  public Buffer allocate(long byteSize) {
    if (byteSize < 0) {
      throw new IllegalArgumentException("a buffer of " + byteSize + " bytes");
    }
    device.enter();
    // 0 bytes give no address
    long size = Math.max(1, byteSize);
    // what is recorded takes nothing in the stream's order: the graph would own it
    boolean ordered = pool != null && !recorder.isRecording();
    long address = tryAllocate(size, ordered);
    if (address == 0 && !recorder.isRecording()) {
      lastResort.run();
      trim();
      address = tryAllocate(size, ordered);
    }
    if (address == 0) {
      throw exhausted(byteSize);
    }
    liveBuffers++;
    liveBytes += byteSize;
    MemorySegment memory = MemorySegment.ofAddress(address);
    return new Buffer(
        device.device(),
        NativeAccess.sized(memory, byteSize),
        () -> giveBack(memory, byteSize, ordered));
  }

  private long tryAllocate(long byteSize, boolean ordered) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.ADDRESS);
      int status =
          ordered
              ? cudaMallocAsync(out, byteSize, device.computeStream())
              : cudaMalloc(out, byteSize);
      if (status == cudaErrorMemoryAllocation()) {
        // it would be reported again by the next launch
        int ignored = cudaGetLastError();
        return 0;
      }
      CudaStatus.check(ordered ? "cudaMallocAsync" : "cudaMalloc", status);
      return out.get(ValueLayout.ADDRESS, 0).address();
    }
  }

  private void giveBack(MemorySegment memory, long byteSize, boolean ordered) {
    liveBuffers--;
    liveBytes -= byteSize;
    if (recorder.isRecording()) {
      // what was recorded may use it, and has not been queued yet
      recorder.afterwards(() -> free(memory, ordered));
    } else {
      free(memory, ordered);
    }
  }

  private void free(MemorySegment memory, boolean ordered) {
    device.enter();
    if (ordered) {
      CudaStatus.check("cudaFreeAsync", cudaFreeAsync(memory, device.computeStream()));
    } else {
      CudaStatus.check("cudaFree", cudaFree(memory));
    }
  }

  /** Waits, and gives what nobody uses back to the device. */
  void trim() {
    device.enter();
    CudaDevice.synchronize(device.computeStream());
    if (pool != null) {
      CudaStatus.check("cudaMemPoolTrimTo", cudaMemPoolTrimTo(pool, 0));
    }
  }

  private DeviceMemoryException exhausted(long byteSize) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment free = arena.allocate(ValueLayout.JAVA_LONG);
      MemorySegment total = arena.allocate(ValueLayout.JAVA_LONG);
      CudaStatus.check("cudaMemGetInfo", cudaMemGetInfo(free, total));
      return new DeviceMemoryException(
          exhausted(
              device.device().toString(),
              byteSize,
              free.get(ValueLayout.JAVA_LONG, 0),
              total.get(ValueLayout.JAVA_LONG, 0),
              liveBytes));
    }
  }

  static String exhausted(String device, long asked, long free, long total, long held) {
    return "out of memory on "
        + device
        + ": "
        + mib(asked)
        + " were asked for, "
        + mib(free)
        + " of "
        + mib(total)
        + " are free, "
        + mib(held)
        + " are held here; use a smaller --batch, smaller images (--min-size, --max-size), or"
        + " --precision bf16";
  }

  private static String mib(long bytes) {
    return String.format(Locale.ROOT, "%,.1f MiB", bytes / (double) (1 << 20));
  }

  /** Returns how many pieces are out. */
  long liveBuffers() {
    return liveBuffers;
  }

  /** Gives everything back that is not in use. */
  @Override
  public void close() {
    trim();
  }
}

package dev.cocoli.backend.cuda.nccl;

import dev.cocoli.bindings.access.NativeAccess;
import dev.cocoli.bindings.cudart.CudaRuntime;
import dev.cocoli.bindings.status.CudaStatus;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Memory through which host values go to the other ranks: a slot to send from and one for each rank
 * to receive into, on the host (pinned) and on the device. It is made once: allocating while
 * collectives run may wait for them, and so for a rank that waits for this one.
 */
final class GatherStaging implements AutoCloseable {
  /** Bytes of a rank that go in one round. */
  static final long SLOT_BYTES = 64 << 10;

  private final MemorySegment host;
  private final MemorySegment device;

  /**
   * Allocates on the current device.
   *
   * @param size the number of ranks
   */
  GatherStaging(int size) {
    long byteSize = (size + 1) * SLOT_BYTES;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.JAVA_LONG);
      CudaStatus.check("cudaMallocHost", CudaRuntime.cudaMallocHost(out, byteSize));
      host = NativeAccess.sized(out.get(ValueLayout.ADDRESS, 0), byteSize);
      int error = CudaRuntime.cudaMalloc(out, byteSize);
      if (error != CudaRuntime.cudaSuccess()) {
        CudaRuntime.cudaFreeHost(host);
        CudaStatus.check("cudaMalloc", error);
      }
      device = NativeAccess.sized(out.get(ValueLayout.ADDRESS, 0), byteSize);
    }
  }

  /** {@return where this rank's bytes are put} */
  MemorySegment sent() {
    return host.asSlice(0, SLOT_BYTES);
  }

  /** {@return where all ranks' bytes are found, one rank's after the other's} */
  MemorySegment received() {
    return host.asSlice(SLOT_BYTES);
  }

  /** {@return on the device, where this rank's bytes are sent from} */
  MemorySegment deviceSent() {
    return device.asSlice(0, SLOT_BYTES);
  }

  /** {@return on the device, where all ranks' bytes are received} */
  MemorySegment deviceReceived() {
    return device.asSlice(SLOT_BYTES);
  }

  /** Queues the copy of this rank's bytes to the device. */
  void upload(long byteSize, MemorySegment stream) {
    copy(deviceSent(), sent(), byteSize, CudaRuntime.cudaMemcpyHostToDevice(), stream);
  }

  /** Queues the copy of all ranks' bytes to the host. */
  void download(long byteSize, MemorySegment stream) {
    copy(received(), deviceReceived(), byteSize, CudaRuntime.cudaMemcpyDeviceToHost(), stream);
  }

  private static void copy(
      MemorySegment to, MemorySegment from, long byteSize, int kind, MemorySegment stream) {
    CudaStatus.check(
        "cudaMemcpyAsync", CudaRuntime.cudaMemcpyAsync(to, from, byteSize, kind, stream));
  }

  @Override
  public void close() {
    // a device that has failed refuses even this, and has failed the run with a better message
    CudaRuntime.cudaFree(device);
    CudaRuntime.cudaFreeHost(host);
  }
}

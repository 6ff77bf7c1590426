package dev.cocoli.backend.cuda;

import static dev.cocoli.bindings.cudart.CudaRuntime.*;

import dev.cocoli.backend.Closing;
import dev.cocoli.backend.cuda.graphs.GraphRecorder;
import dev.cocoli.backend.primitives.Transfers;
import dev.cocoli.bindings.NativeHandle;
import dev.cocoli.bindings.access.NativeAccess;
import dev.cocoli.bindings.status.CudaStatus;
import dev.cocoli.tensor.Buffer;
import dev.cocoli.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/**
 * Bytes between host and GPU, by way of memory that the system does not move. An upload returns as
 * soon as the host's bytes have been read. Large ones come in on a stream of their own, beside what
 * computes, into room of their own; from there the compute stream takes them when it gets there, so
 * that what was queued earlier may still use the memory they are meant for.
 */
final class CudaTransfers implements Transfers, AutoCloseable {
  private static final long RING_BYTES = 64L << 20;

  /** Pieces of a quarter, so that reading the host and crossing over overlap. */
  private static final long PIECE_BYTES = RING_BYTES / 4;

  /** Up to here the detour costs more than it hides: some microseconds of calls. */
  private static final long DIRECT_BYTES = 64 << 10;

  private final CudaDevice device;
  private final CudaMemory memory;
  private final CudaQueue queue;
  private final GraphRecorder recorder;
  private NativeHandle pinnedMemory;
  private StagingRing<CudaEvent> pinned;
  private Buffer roomMemory;
  private StagingRing<CudaEvent> room;
  private CudaEvent arrival;
  private long downloadCount;

  /** Prepares transfers; memory for them is taken at the first. */
  CudaTransfers(CudaContext context) {
    this.device = context.device();
    this.memory = context.memory();
    this.queue = context.queue();
    this.recorder = context.recorder();
  }

  @Override
  public void upload(MemorySegment host, Tensor tensor) {
    tensor.requireByteSize(host);
    recorder.requireIdle("an upload");
    device.enter();
    MemorySegment to = tensor.segment();
    for (long at = 0; at < to.byteSize(); at += PIECE_BYTES) {
      long size = Math.min(PIECE_BYTES, to.byteSize() - at);
      MemorySegment piece = pinned().take(size, CudaEvent::await);
      MemorySegment.copy(host, at, piece, 0, size);
      if (size <= DIRECT_BYTES) {
        copy(piece, to.asSlice(at, size), cudaMemcpyHostToDevice(), device.computeStream());
        pinned.usedBy(device.computeStream());
      } else {
        detour(piece, to.asSlice(at, size));
      }
    }
    tensor.buffer().markWritten();
    queue.finished("upload");
  }

  private void detour(MemorySegment piece, MemorySegment to) {
    MemorySegment beside = device.copyStream();
    MemorySegment compute = device.computeStream();
    MemorySegment landing = room().take(to.byteSize(), event -> event.holdUp(beside));
    copy(piece, landing, cudaMemcpyHostToDevice(), beside);
    pinned.usedBy(beside);
    arrival.record(beside);
    arrival.holdUp(compute);
    copy(landing, to, cudaMemcpyDeviceToDevice(), compute);
    room.usedBy(compute);
  }

  @Override
  public boolean copiesBeside() {
    return true;
  }

  @Override
  public void download(Tensor tensor, MemorySegment host) {
    tensor.requireByteSize(host);
    recorder.requireIdle("a download");
    downloadCount++;
    device.enter();
    MemorySegment from = tensor.segment();
    MemorySegment compute = device.computeStream();
    if (from.byteSize() == 0) {
      CudaDevice.synchronize(compute);
    }
    for (long at = 0; at < from.byteSize(); at += PIECE_BYTES) {
      long size = Math.min(PIECE_BYTES, from.byteSize() - at);
      MemorySegment piece = pinned().take(size, CudaEvent::await);
      copy(from.asSlice(at, size), piece, cudaMemcpyDeviceToHost(), compute);
      CudaDevice.synchronize(compute);
      MemorySegment.copy(piece, 0, host, at, size);
    }
  }

  @Override
  public long downloadCount() {
    return downloadCount;
  }

  @Override
  public void synchronize() {
    recorder.requireIdle("a wait");
    device.synchronize();
  }

  private static void copy(MemorySegment from, MemorySegment to, int kind, MemorySegment stream) {
    CudaStatus.check("cudaMemcpyAsync", cudaMemcpyAsync(to, from, to.byteSize(), kind, stream));
  }

  private StagingRing<CudaEvent> pinned() {
    if (pinned == null) {
      pinnedMemory =
          NativeHandle.create(
              CudaStatus::check,
              "cudaHostAlloc",
              out -> cudaHostAlloc(out, RING_BYTES, cudaHostAllocDefault()),
              pointer -> CudaStatus.check("cudaFreeHost", cudaFreeHost(pointer)));
      pinned =
          new StagingRing<>(
              NativeAccess.sized(pinnedMemory.pointer(), RING_BYTES), CudaEvent::forOrder);
    }
    return pinned;
  }

  private StagingRing<CudaEvent> room() {
    if (room == null) {
      roomMemory = memory.allocate(RING_BYTES);
      room = new StagingRing<>(roomMemory.segment(), CudaEvent::forOrder);
      arrival = CudaEvent.forOrder();
      // it comes into being in the order of the compute stream
      arrival.record(device.computeStream());
      arrival.holdUp(device.copyStream());
    }
    return room;
  }

  @Override
  public void close() {
    device.enter();
    // pinned memory may still be read
    CudaDevice.synchronize(device.copyStream());
    CudaDevice.synchronize(device.computeStream());
    Closing.all(
        pinned,
        room,
        arrival,
        pinnedMemory,
        roomMemory == null ? null : (AutoCloseable) roomMemory::close);
  }
}

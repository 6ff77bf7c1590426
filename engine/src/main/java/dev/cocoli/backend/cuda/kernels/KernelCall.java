package dev.cocoli.backend.cuda.kernels;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.cocoli.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Writes the structure that a kernel takes, field by field in the order of its declaration, and
 * queues the kernel. Fields are aligned to their size, as C++ aligns them. One call at a time: the
 * memory for the arguments is used again.
 *
 * <pre>{@code
 * call.of(ADD.of(y.dtype())).tensor(a).tensor(b).output(y).i64(n).over(n);
 * }</pre>
 */
public final class KernelCall {
  /** Threads of a block where nothing speaks for another number: full occupancy everywhere. */
  static final int THREADS = 256;

  private final DeviceQueue queue;

  /** Off the heap, so that its address can be handed on. */
  private final MemorySegment arguments =
      MemorySegment.ofBuffer(
          ByteBuffer.allocateDirect(DeviceQueue.MAX_ARGUMENT_BYTES).order(ByteOrder.nativeOrder()));

  private Kernel kernel;
  private long size;
  private long alignment;

  public KernelCall(DeviceQueue queue) {
    this.queue = queue;
  }

  /** Returns where the kernels go. */
  DeviceQueue queue() {
    return queue;
  }

  /** Begins the arguments of a kernel. */
  public KernelCall of(Kernel next) {
    kernel = next;
    size = 0;
    alignment = 1;
    return this;
  }

  /** A pointer to a tensor's first element; a null pointer for null. */
  public KernelCall tensor(Tensor tensor) {
    return pointer(tensor == null ? MemorySegment.NULL : tensor.segment());
  }

  /** A pointer to a tensor's first element, which the kernel writes; a null pointer for null. */
  KernelCall output(Tensor tensor) {
    if (tensor != null) {
      tensor.buffer().markWritten();
    }
    return tensor(tensor);
  }

  /** A pointer to the device's memory. */
  KernelCall pointer(MemorySegment memory) {
    return i64(memory.address());
  }

  /** A {@code long long}. */
  public KernelCall i64(long value) {
    arguments.set(JAVA_LONG, field(Long.BYTES), value);
    return this;
  }

  /** An {@code int}. */
  public KernelCall i32(long value) {
    arguments.set(JAVA_INT, field(Integer.BYTES), Math.toIntExact(value));
    return this;
  }

  /** A {@code float}. */
  KernelCall f32(float value) {
    arguments.set(JAVA_FLOAT, field(Float.BYTES), value);
    return this;
  }

  /**
   * A {@code Divider}: what divides a number by a constant without a division.
   *
   * @param divisor the constant, 1 or more
   * @param dividends what is divided is less than this
   */
  KernelCall divider(long divisor, long dividends) {
    if (divisor < 1 || divisor >= 1L << 31 || dividends > 1L << 31) {
      throw new IllegalArgumentException(
          "a kernel counts to 2^31 elements, not " + dividends + "; use a smaller batch");
    }
    int shift = 64 - Long.numberOfLeadingZeros(divisor - 1);
    long multiplier = ((1L << 32) * ((1L << shift) - divisor)) / divisor + 1;
    return i32(divisor).i32((int) multiplier).i32(shift);
  }

  private long field(int byteSize) {
    long at = (size + byteSize - 1) / byteSize * byteSize;
    size = at + byteSize;
    alignment = Math.max(alignment, byteSize);
    return at;
  }

  /**
   * Queues the kernel with a thread for each of many pieces; it loops where there are more pieces
   * than the device runs threads.
   */
  void over(long pieces) {
    long blocks = (pieces + THREADS - 1) / THREADS;
    blocks(Math.min(blocks, 4L * queue.residentBlocks()), 1, THREADS, 0);
  }

  /** Sets a tensor to zeros, in the order of the kernels. */
  void zero(Tensor tensor) {
    tensor.buffer().markWritten();
    if (tensor.byteSize() > 0) {
      queue.zero(tensor.segment());
    }
  }

  /** Queues the kernel; does nothing if there are no blocks. */
  public void blocks(long x, int threads) {
    blocks(x, 1, threads, 0);
  }

  /** Queues the kernel; does nothing if there are no blocks. */
  public void blocks(long x, long y, int threads, int sharedBytes) {
    if (x == 0 || y == 0) {
      return;
    }
    long padded = (size + alignment - 1) / alignment * alignment;
    queue.launch(kernel, new Grid(x, y, 1, threads, sharedBytes), arguments.asSlice(0, padded));
  }
}

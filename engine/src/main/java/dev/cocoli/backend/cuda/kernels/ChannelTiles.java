package dev.cocoli.backend.cuda.kernels;

import dev.cocoli.backend.TensorScope;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;

/**
 * How the blocks of a kernel share a map {@code [..., C]}: see {@code Tiles} and {@code
 * ChannelSums} in channel_sums.cuh.
 *
 * @param rows of the map
 * @param channels of the map
 * @param lanesLog2 logarithm of the threads along a row
 * @param rowsPerBlock rows that a block has
 * @param parts blocks along the rows
 * @param strips blocks along the channels
 */
record ChannelTiles(
    long rows, long channels, int lanesLog2, long rowsPerBlock, long parts, long strips) {
  private static final int THREADS = 256;

  /** The most threads along a row: a warp reads 512 bytes in one piece. */
  private static final long MAX_LANES = 32;

  /** The most rows that a thread sums in single precision. */
  private static final long MAX_ROWS_A_THREAD = 64;

  /** The fewest, where there are enough rows: what a block costs is shared by that many. */
  private static final long MIN_ROWS_A_THREAD = 8;

  /** Up to so many parts of a strip one block adds up as fast as several would in two rounds. */
  private static final long FEW_PARTS = 16;

  /**
   * Shares a map.
   *
   * @param x the map, not empty
   * @param width channels of a thread
   * @param residentBlocks blocks that keep the device busy
   */
  static ChannelTiles of(Tensor x, int width, int residentBlocks) {
    long channels = x.dim(-1);
    long rows = x.elementCount() / channels;
    long packs = channels / width;
    int lanesLog2 = 64 - Long.numberOfLeadingZeros(Math.min(packs, MAX_LANES) - 1);
    long strips = Math.ceilDiv(packs, 1L << lanesLog2);
    long rowsAtOnce = THREADS >> lanesLog2;
    long wanted = Math.ceilDiv(rows * strips, rowsAtOnce * residentBlocks);
    long rowsPerBlock = rowsAtOnce * Math.clamp(wanted, MIN_ROWS_A_THREAD, MAX_ROWS_A_THREAD);
    return new ChannelTiles(
        rows, channels, lanesLog2, rowsPerBlock, Math.ceilDiv(rows, rowsPerBlock), strips);
  }

  /** Returns how many parts the last of their blocks adds up. */
  private long group() {
    if (parts <= FEW_PARTS) {
      return parts;
    }
    long mostGroups = Math.max(1, DeviceQueue.COUNTERS / strips - 1);
    return Math.max((long) Math.ceil(Math.sqrt(parts)), Math.ceilDiv(parts, mostGroups));
  }

  /**
   * Writes {@code ChannelSums}.
   *
   * @param call where
   * @param scope where memory for the sums of blocks comes from
   * @param sums of each channel
   */
  void writeSums(KernelCall call, TensorScope scope, int sums) {
    long group = group();
    long rows = parts + Math.ceilDiv(parts, group);
    Tensor partial = scope.allocate(DType.I64, rows, sums, channels); // doubles
    call.tensor(partial).pointer(call.queue().counters()).i64(group);
  }

  /** Writes {@code Tiles}. */
  void write(KernelCall call) {
    // the structure's size is a multiple of that of its largest field, as its place is
    call.i64(rows).i64(rowsPerBlock).i32(channels).i32(lanesLog2);
  }

  /** Queues the kernel. */
  void launch(KernelCall call) {
    call.blocks(parts, strips, THREADS, 0);
  }
}

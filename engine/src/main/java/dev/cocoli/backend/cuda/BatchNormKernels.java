package dev.cocoli.backend.cuda;

import dev.cocoli.backend.Activation;
import dev.cocoli.backend.BatchNormSpec;
import dev.cocoli.backend.BufferPool;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;

/** Batch normalisation in training and its gradient: {@code [N,H,W,C]}. */
final class BatchNormKernels {
  private static final String FILE = "batch_norm";
  private static final ChannelPacks STATISTICS = ChannelPacks.of(FILE, "batch_norm_statistics");
  private static final Kernel FINISH = new Kernel(FILE, "batch_norm_finish");
  private static final ChannelPacks NORMALIZE = ChannelPacks.of(FILE, "batch_norm_normalize");
  private static final ChannelPacks GRADIENT_SUMS =
      ChannelPacks.of(FILE, "batch_norm_gradient_sums");
  private static final Kernel FINISH_GRADIENTS = new Kernel(FILE, "batch_norm_finish_gradients");
  private static final ChannelPacks INPUT_GRADIENT =
      ChannelPacks.of(FILE, "batch_norm_input_gradient");

  private static final int THREADS = 256;

  /** The most threads along a row: a warp reads 512 bytes in one piece. */
  private static final long MAX_LANES = 32;

  /** The most rows that a thread sums in single precision. */
  private static final long MAX_ROWS_A_THREAD = 64;

  /** The fewest, where there are enough rows: what a block costs is shared by that many. */
  private static final long MIN_ROWS_A_THREAD = 8;

  /** Channels that a block of the finishing kernels has. */
  private static final long FINISHED_CHANNELS = 8;

  private final KernelCall call;
  private final BufferPool pool;

  /**
   * How the blocks of a kernel share a map: see {@code Tiles} in the kernels' file.
   *
   * @param rows of the map
   * @param channels of the map
   * @param lanesLog2 logarithm of the threads along a row
   * @param rowsPerBlock rows that a block has
   * @param parts blocks along the rows
   * @param strips blocks along the channels
   */
  private record Tiles(
      long rows, long channels, int lanesLog2, long rowsPerBlock, long parts, long strips) {

    static Tiles of(Tensor x, int width, int residentBlocks) {
      long channels = x.dim(3);
      long rows = x.elementCount() / channels;
      long packs = channels / width;
      int lanesLog2 = 64 - Long.numberOfLeadingZeros(Math.min(packs, MAX_LANES) - 1);
      long strips = ceilDiv(packs, 1L << lanesLog2);
      long rowsAtOnce = THREADS >> lanesLog2;
      long wanted = ceilDiv(rows * strips, rowsAtOnce * residentBlocks);
      long rowsPerBlock = rowsAtOnce * Math.clamp(wanted, MIN_ROWS_A_THREAD, MAX_ROWS_A_THREAD);
      return new Tiles(
          rows, channels, lanesLog2, rowsPerBlock, ceilDiv(rows, rowsPerBlock), strips);
    }

    private static long ceilDiv(long x, long y) {
      return (x + y - 1) / y;
    }

    void write(KernelCall call) {
      // the structure's size is a multiple of that of its largest field, as its place is
      call.i64(rows).i64(rowsPerBlock).i32(channels).i32(lanesLog2);
    }

    void launch(KernelCall call) {
      call.blocks(parts, strips, THREADS, 0);
    }
  }

  BatchNormKernels(KernelCall call, BufferPool pool) {
    this.call = call;
    this.pool = pool;
  }

  /** See {@link dev.cocoli.backend.Backend#batchNorm}. */
  void batchNorm(
      BatchNormSpec spec,
      Tensor x,
      Tensor weight,
      Tensor bias,
      Tensor residual,
      Tensor runningMean,
      Tensor runningVar,
      Tensor mean,
      Tensor invStd,
      Tensor y) {
    if (x.elementCount() == 0) {
      return;
    }
    try (TensorScope scope = new TensorScope(pool)) {
      long channels = x.dim(3);
      ChannelPacks.Choice statistics = STATISTICS.choose(x);
      Tiles tiles = tiles(x, statistics);
      Tensor partial = scope.allocate(DType.I64, tiles.parts(), 2, channels); // doubles
      call.of(statistics.kernel()).tensor(x).tensor(partial);
      tiles.write(call);
      tiles.launch(call);
      Tensor coefficients = scope.allocate(DType.F32, 2, channels);
      call.of(FINISH)
          .tensor(partial)
          .i64(tiles.parts())
          .i64(channels)
          .tensor(weight)
          .tensor(bias)
          .tensor(runningMean)
          .tensor(runningVar)
          .tensor(mean)
          .tensor(invStd)
          .tensor(coefficients)
          .i64(tiles.rows())
          .f32(spec.eps())
          .f32(spec.momentum())
          .blocks(Tiles.ceilDiv(channels, FINISHED_CHANNELS), THREADS);
      ChannelPacks.Choice normalize = NORMALIZE.choose(x, residual, y);
      tiles = tiles(x, normalize);
      call.of(normalize.kernel()).tensor(x).tensor(residual).tensor(y).tensor(coefficients);
      tiles.write(call);
      call.i32(spec.activation() == Activation.RELU ? 1 : 0);
      tiles.launch(call);
    }
  }

  /** See {@link dev.cocoli.backend.Backend#batchNormBackward}. */
  void batchNormBackward(
      BatchNormSpec spec,
      Tensor x,
      Tensor weight,
      Tensor mean,
      Tensor invStd,
      Tensor y,
      Tensor dy,
      Tensor dx,
      Tensor dWeight,
      Tensor dBias) {
    if (x.elementCount() == 0) {
      return;
    }
    try (TensorScope scope = new TensorScope(pool)) {
      long channels = x.dim(3);
      Tensor output = spec.activation() == Activation.RELU ? y : null;
      ChannelPacks.Choice sums = GRADIENT_SUMS.choose(x, output, dy);
      Tiles tiles = tiles(x, sums);
      Tensor partial = scope.allocate(DType.I64, tiles.parts(), 2, channels); // doubles
      call.of(sums.kernel()).tensor(x).tensor(output).tensor(dy).tensor(mean).tensor(partial);
      tiles.write(call);
      tiles.launch(call);
      Tensor coefficients = scope.allocate(DType.F32, 3, channels);
      call.of(FINISH_GRADIENTS)
          .tensor(partial)
          .i64(tiles.parts())
          .i64(channels)
          .tensor(weight)
          .tensor(mean)
          .tensor(invStd)
          .tensor(dWeight)
          .tensor(dBias)
          .tensor(coefficients)
          .i64(tiles.rows())
          .blocks(Tiles.ceilDiv(channels, FINISHED_CHANNELS), THREADS);
      ChannelPacks.Choice inputGradient = INPUT_GRADIENT.choose(x, dy, dx);
      tiles = tiles(x, inputGradient);
      call.of(inputGradient.kernel()).tensor(x).tensor(dy).tensor(dx).tensor(coefficients);
      tiles.write(call);
      tiles.launch(call);
    }
  }

  private Tiles tiles(Tensor x, ChannelPacks.Choice choice) {
    return Tiles.of(x, choice.width(), call.queue().residentBlocks());
  }
}

package dev.cocoli.backend.cuda.kernels;

import dev.cocoli.backend.BufferPool;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.backend.primitives.Norms;
import dev.cocoli.backend.spec.Activation;
import dev.cocoli.backend.spec.BatchNormSpec;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;

/** Batch normalisation in training and its gradient: {@code [N,H,W,C]}. */
final class BatchNormKernels implements Norms {
  private static final String FILE = "batch_norm";
  private static final ChannelPacks STATISTICS = ChannelPacks.of(FILE, "batch_norm_statistics");
  private static final Kernel FINISH = new Kernel(FILE, "batch_norm_finish");
  private static final ChannelPacks NORMALIZE = ChannelPacks.of(FILE, "batch_norm_normalize");
  private static final ChannelPacks GRADIENT_SUMS =
      ChannelPacks.of(FILE, "batch_norm_gradient_sums");
  private static final ChannelPacks GRADIENT_SUMS_MASKED =
      ChannelPacks.of(FILE, "batch_norm_gradient_sums_masked");
  private static final Kernel FINISH_GRADIENTS = new Kernel(FILE, "batch_norm_finish_gradients");
  private static final ChannelPacks INPUT_GRADIENT =
      ChannelPacks.of(FILE, "batch_norm_input_gradient");
  private static final ChannelPacks INPUT_GRADIENT_MASKED =
      ChannelPacks.of(FILE, "batch_norm_input_gradient_masked");
  private static final Kernel FOLD = new Kernel(FILE, "fold_batch_norm");

  private static final int THREADS = 256;

  /** The most threads along a row: a warp reads 512 bytes in one piece. */
  private static final long MAX_LANES = 32;

  /** The most rows that a thread sums in single precision. */
  private static final long MAX_ROWS_A_THREAD = 64;

  /** The fewest, where there are enough rows: what a block costs is shared by that many. */
  private static final long MIN_ROWS_A_THREAD = 8;

  /** Channels that a block of the finishing kernels has. */
  private static final long FINISHED_CHANNELS = 4;

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

  @Override
  public void batchNorm(
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
      Parts parts = sumStatistics(x, scope);
      Tensor coefficients = scope.allocate(DType.F32, 2, channels);
      parts
          .begin(FINISH)
          .tensor(weight)
          .tensor(bias)
          .output(runningMean)
          .output(runningVar)
          .output(mean)
          .output(invStd)
          .tensor(coefficients)
          .i64(x.elementCount() / channels)
          .f32(spec.eps())
          .f32(spec.momentum());
      parts.finish();
      normalize(spec, x, residual, y, coefficients);
    }
  }

  @Override
  public void batchNormBackward(
      BatchNormSpec spec,
      Tensor x,
      Tensor weight,
      Tensor bias,
      Tensor residual,
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
      // the mask follows from x, and nobody wants the gradient that it leaves
      boolean masked = spec.activation() == Activation.RELU && residual == null;
      Parts parts =
          masked
              ? sumMaskedGradients(x, weight, bias, mean, invStd, dy, scope)
              : sumGradients(spec, x, mean, y, dy, scope);
      Tensor coefficients = scope.allocate(DType.F32, 4, channels);
      parts
          .begin(FINISH_GRADIENTS)
          .tensor(weight)
          .tensor(bias)
          .tensor(mean)
          .tensor(invStd)
          .output(dWeight)
          .output(dBias)
          .tensor(coefficients)
          .i64(x.elementCount() / channels);
      parts.finish();
      inputGradient(masked ? INPUT_GRADIENT_MASKED : INPUT_GRADIENT, x, dy, dx, coefficients);
    }
  }

  @Override
  public void foldBatchNorm(
      Tensor weight, Tensor bias, Tensor mean, Tensor var, float eps, Tensor scale, Tensor shift) {
    long channels = weight.elementCount();
    call.of(FOLD)
        .tensor(weight)
        .tensor(bias)
        .tensor(mean)
        .tensor(var)
        .output(scale)
        .output(shift)
        .i64(channels)
        .f32(eps)
        .over(channels);
  }

  /**
   * Sums of the blocks, for the kernels that finish them.
   *
   * @param call writes arguments
   * @param partial {@code [count,2,C]} doubles
   * @param count blocks along the rows
   * @param channels C
   */
  record Parts(KernelCall call, Tensor partial, long count, long channels) {
    /** Begins a kernel whose arguments begin with these sums. */
    KernelCall begin(Kernel kernel) {
      return call.of(kernel).tensor(partial).i64(count).i64(channels);
    }

    /** Queues a kernel whose blocks have {@link #FINISHED_CHANNELS} channels each. */
    void finish() {
      call.blocks(Tiles.ceilDiv(channels, FINISHED_CHANNELS), THREADS);
    }
  }

  /** Sums x and its squares by channel. */
  Parts sumStatistics(Tensor x, TensorScope scope) {
    ChannelPacks.Choice statistics = STATISTICS.choose(x);
    Tiles tiles = tiles(x, statistics);
    Tensor partial = scope.allocate(DType.I64, tiles.parts(), 2, tiles.channels()); // doubles
    call.of(statistics.kernel()).tensor(x).tensor(partial);
    tiles.write(call);
    tiles.launch(call);
    return new Parts(call, partial, tiles.parts(), tiles.channels());
  }

  /** Writes {@code activation(x * factor + addend + residual)}, by coefficients {@code [2,C]}. */
  void normalize(BatchNormSpec spec, Tensor x, Tensor residual, Tensor y, Tensor coefficients) {
    ChannelPacks.Choice normalize = NORMALIZE.choose(x, residual, y);
    Tiles tiles = tiles(x, normalize);
    call.of(normalize.kernel()).tensor(x).tensor(residual).output(y).tensor(coefficients);
    tiles.write(call);
    call.i32(spec.activation() == Activation.RELU ? 1 : 0);
    tiles.launch(call);
  }

  /**
   * Makes dy the gradient before the activation; sums it, and its products with x less the mean.
   */
  Parts sumGradients(
      BatchNormSpec spec, Tensor x, Tensor mean, Tensor y, Tensor dy, TensorScope scope) {
    Tensor output = spec.activation() == Activation.RELU ? y : null;
    return sumGradients(
        GRADIENT_SUMS.choose(x, output, dy), x, output, dy, null, null, mean, null, scope);
  }

  /** The same sums for a ReLU without a residual, whose mask comes from x; dy stays as it is. */
  private Parts sumMaskedGradients(
      Tensor x,
      Tensor weight,
      Tensor bias,
      Tensor mean,
      Tensor invStd,
      Tensor dy,
      TensorScope scope) {
    return sumGradients(
        GRADIENT_SUMS_MASKED.choose(x, dy), x, null, dy, weight, bias, mean, invStd, scope);
  }

  private Parts sumGradients(
      ChannelPacks.Choice sums,
      Tensor x,
      Tensor output,
      Tensor dy,
      Tensor weight,
      Tensor bias,
      Tensor mean,
      Tensor invStd,
      TensorScope scope) {
    Tiles tiles = tiles(x, sums);
    Tensor partial = scope.allocate(DType.I64, tiles.parts(), 2, tiles.channels()); // doubles
    call.of(sums.kernel()).tensor(x).tensor(output);
    // without an output dy stays as it is
    (output == null ? call.tensor(dy) : call.output(dy))
        .tensor(weight)
        .tensor(bias)
        .tensor(mean)
        .tensor(invStd)
        .tensor(partial);
    tiles.write(call);
    tiles.launch(call);
    return new Parts(call, partial, tiles.parts(), tiles.channels());
  }

  /** Writes dx as a sum of dy, x and a constant, by coefficients {@code [3,C]}. */
  void inputGradient(Tensor x, Tensor dy, Tensor dx, Tensor coefficients) {
    inputGradient(INPUT_GRADIENT, x, dy, dx, coefficients);
  }

  private void inputGradient(
      ChannelPacks kernels, Tensor x, Tensor dy, Tensor dx, Tensor coefficients) {
    ChannelPacks.Choice inputGradient = kernels.choose(x, dy, dx);
    Tiles tiles = tiles(x, inputGradient);
    call.of(inputGradient.kernel()).tensor(x).tensor(dy).output(dx).tensor(coefficients);
    tiles.write(call);
    tiles.launch(call);
  }

  private Tiles tiles(Tensor x, ChannelPacks.Choice choice) {
    return Tiles.of(x, choice.width(), call.queue().residentBlocks());
  }
}

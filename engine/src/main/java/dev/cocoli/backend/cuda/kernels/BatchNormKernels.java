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
  private static final ChannelPacks NORMALIZE = ChannelPacks.of(FILE, "batch_norm_normalize");
  private static final ChannelPacks NORMALIZE_SUMMED =
      ChannelPacks.of(FILE, "batch_norm_normalize_summed");
  private static final ChannelPacks GRADIENT_SUMS =
      ChannelPacks.of(FILE, "batch_norm_gradient_sums");
  private static final ChannelPacks GRADIENT_SUMS_MASKED =
      ChannelPacks.of(FILE, "batch_norm_gradient_sums_masked");
  private static final ChannelPacks INPUT_GRADIENT =
      ChannelPacks.of(FILE, "batch_norm_input_gradient");
  private static final ChannelPacks INPUT_GRADIENT_MASKED =
      ChannelPacks.of(FILE, "batch_norm_input_gradient_masked");
  private static final ChannelPacks INPUT_GRADIENT_SUMMED =
      ChannelPacks.of(FILE, "batch_norm_input_gradient_summed");
  private static final Kernel FOLD = new Kernel(FILE, "fold_batch_norm");

  /** Sums of a channel: of values and squares, or of gradients and products. */
  private static final int SUMS = 2;

  private final KernelCall call;
  private final BufferPool pool;

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
      Tensor sums,
      Tensor mean,
      Tensor invStd,
      Tensor y) {
    if (x.elementCount() == 0) {
      return;
    }
    Runnable results =
        () ->
            call.tensor(weight)
                .tensor(bias)
                .output(runningMean)
                .output(runningVar)
                .output(mean)
                .output(invStd);
    if (sums != null) {
      ChannelTiles tiles = beginNormalize(NORMALIZE_SUMMED, x, residual, y);
      results.run();
      call.tensor(sums).pointer(call.queue().counters()).f32(spec.eps()).f32(spec.momentum());
      endNormalize(tiles, spec);
      return;
    }
    try (TensorScope scope = new TensorScope(pool)) {
      long channels = x.dim(3);
      Tensor coefficients = scope.allocate(DType.F32, 2, channels);
      ChannelTiles tiles = statistics(STATISTICS, x, scope);
      results.run();
      call.tensor(coefficients)
          .i64(x.elementCount() / channels)
          .f32(spec.eps())
          .f32(spec.momentum());
      tiles.launch(call);
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
      Tensor sums,
      Tensor dx,
      Tensor dWeight,
      Tensor dBias) {
    if (x.elementCount() == 0) {
      return;
    }
    Norm norm = new Norm(weight, bias, mean, invStd);
    if (sums != null) {
      ChannelTiles tiles = beginInputGradient(INPUT_GRADIENT_SUMMED, x, dy, dx);
      norm.write(call);
      call.output(dWeight).output(dBias).tensor(sums);
      tiles.write(call);
      tiles.launch(call);
      return;
    }
    try (TensorScope scope = new TensorScope(pool)) {
      long channels = x.dim(3);
      Tensor coefficients = scope.allocate(DType.F32, 4, channels);
      // the mask follows from x, and nobody wants the gradient that it leaves
      boolean masked = spec.activation() == Activation.RELU && residual == null;
      ChannelTiles tiles =
          masked
              ? gradientSums(GRADIENT_SUMS_MASKED, x, null, dy, norm, scope)
              : gradientSums(GRADIENT_SUMS, x, output(spec, y), dy, norm, scope);
      call.output(dWeight).output(dBias).tensor(coefficients).i64(x.elementCount() / channels);
      tiles.launch(call);
      inputGradient(masked ? INPUT_GRADIENT_MASKED : INPUT_GRADIENT, x, dy, dx, coefficients);
    }
  }

  @Override
  public boolean masksInPassing() {
    // with a residual the masked gradient is written, and its mask is read
    return false;
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
   * The parameters of a norm, {@code [C]} each, and the statistics that it normalises by.
   *
   * @param weight factor; null where nothing reads it
   * @param bias addend; null where nothing reads it
   * @param mean of each channel
   * @param invStd of each channel
   */
  record Norm(Tensor weight, Tensor bias, Tensor mean, Tensor invStd) {
    void write(KernelCall call) {
      call.tensor(weight).tensor(bias).tensor(mean).tensor(invStd);
    }
  }

  /**
   * Begins a kernel that sums x and its squares by channel. The caller writes what finishes the
   * sums, and launches.
   */
  ChannelTiles statistics(ChannelPacks kernels, Tensor x, TensorScope scope) {
    ChannelPacks.Choice statistics = kernels.choose(x);
    ChannelTiles tiles = tiles(x, statistics);
    call.of(statistics.kernel()).tensor(x);
    tiles.writeSums(call, scope, SUMS);
    tiles.write(call);
    return tiles;
  }

  /** Writes {@code activation(x * factor + addend + residual)}, by coefficients {@code [2,C]}. */
  void normalize(BatchNormSpec spec, Tensor x, Tensor residual, Tensor y, Tensor coefficients) {
    ChannelTiles tiles = beginNormalize(NORMALIZE, x, residual, y);
    call.tensor(coefficients);
    endNormalize(tiles, spec);
  }

  private ChannelTiles beginNormalize(ChannelPacks kernels, Tensor x, Tensor residual, Tensor y) {
    ChannelPacks.Choice normalize = kernels.choose(x, residual, y);
    call.of(normalize.kernel()).tensor(x).tensor(residual).output(y);
    return tiles(x, normalize);
  }

  private void endNormalize(ChannelTiles tiles, BatchNormSpec spec) {
    tiles.write(call);
    call.i32(spec.activation() == Activation.RELU ? 1 : 0);
    tiles.launch(call);
  }

  /** Returns what tells where the activation has passed a gradient; null if it passes all. */
  static Tensor output(BatchNormSpec spec, Tensor y) {
    return spec.activation() == Activation.RELU ? y : null;
  }

  /**
   * Begins a kernel that sums the gradient before the activation, and its products with x less the
   * mean. The caller writes what finishes the sums, and launches.
   *
   * @param output if there is one, dy becomes the gradient before the activation
   */
  ChannelTiles gradientSums(
      ChannelPacks kernels, Tensor x, Tensor output, Tensor dy, Norm norm, TensorScope scope) {
    ChannelPacks.Choice sums = kernels.choose(x, output, dy);
    ChannelTiles tiles = tiles(x, sums);
    call.of(sums.kernel()).tensor(x).tensor(output);
    // without an output dy stays as it is
    if (output == null) {
      call.tensor(dy);
    } else {
      call.output(dy);
    }
    norm.write(call);
    tiles.writeSums(call, scope, SUMS);
    tiles.write(call);
    return tiles;
  }

  /** Writes dx as a sum of dy, x and a constant, by coefficients {@code [3,C]}. */
  void inputGradient(Tensor x, Tensor dy, Tensor dx, Tensor coefficients) {
    inputGradient(INPUT_GRADIENT, x, dy, dx, coefficients);
  }

  private void inputGradient(
      ChannelPacks kernels, Tensor x, Tensor dy, Tensor dx, Tensor coefficients) {
    ChannelTiles tiles = beginInputGradient(kernels, x, dy, dx);
    call.tensor(coefficients);
    tiles.write(call);
    tiles.launch(call);
  }

  private ChannelTiles beginInputGradient(ChannelPacks kernels, Tensor x, Tensor dy, Tensor dx) {
    ChannelPacks.Choice inputGradient = kernels.choose(x, dy, dx);
    call.of(inputGradient.kernel()).tensor(x).tensor(dy).output(dx);
    return tiles(x, inputGradient);
  }

  private ChannelTiles tiles(Tensor x, ChannelPacks.Choice choice) {
    return ChannelTiles.of(x, choice.width(), call.queue().residentBlocks());
  }
}

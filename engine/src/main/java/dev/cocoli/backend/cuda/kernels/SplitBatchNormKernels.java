package dev.cocoli.backend.cuda.kernels;

import dev.cocoli.backend.BufferPool;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.backend.primitives.GradientSums;
import dev.cocoli.backend.primitives.SplitBatchNorm;
import dev.cocoli.backend.spec.BatchNormSpec;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;

/**
 * Batch normalisation in pieces: the passes of {@link BatchNormKernels}, whose sums go otherwise.
 */
public final class SplitBatchNormKernels implements SplitBatchNorm {
  private static final String FILE = "split_batch_norm";
  private static final ChannelPacks STATISTICS =
      ChannelPacks.of(FILE, "batch_norm_replica_statistics");
  private static final Kernel JOIN_STATISTICS = new Kernel(FILE, "batch_norm_join_statistics");
  private static final ChannelPacks GRADIENT_SUMS =
      ChannelPacks.of(FILE, "batch_norm_replica_gradient_sums");
  private static final ChannelPacks GRADIENT_SUMS_MASKED =
      ChannelPacks.of(FILE, "batch_norm_replica_gradient_sums_masked");
  private static final Kernel JOIN_GRADIENTS = new Kernel(FILE, "batch_norm_join_gradients");

  private final KernelCall call;
  private final BufferPool pool;
  private final BatchNormKernels kernels;

  SplitBatchNormKernels(KernelCall call, BufferPool pool, BatchNormKernels kernels) {
    this.call = call;
    this.pool = pool;
    this.kernels = kernels;
  }

  @Override
  public void statistics(Tensor x, Tensor statistics) {
    try (TensorScope scope = new TensorScope(pool)) {
      ChannelTiles tiles = kernels.statistics(STATISTICS, x, scope);
      call.output(statistics).i64(x.elementCount() / x.dim(3));
      tiles.launch(call);
    }
  }

  @Override
  public void normalize(
      BatchNormSpec spec,
      Tensor statistics,
      Tensor x,
      Tensor weight,
      Tensor bias,
      Tensor residual,
      Tensor runningMean,
      Tensor runningVar,
      Tensor mean,
      Tensor invStd,
      Tensor y) {
    try (TensorScope scope = new TensorScope(pool)) {
      long channels = x.dim(3);
      Tensor coefficients = scope.allocate(DType.F32, 2, channels);
      call.of(JOIN_STATISTICS)
          .tensor(statistics)
          .tensor(weight)
          .tensor(bias)
          .output(runningMean)
          .output(runningVar)
          .output(mean)
          .output(invStd)
          .tensor(coefficients)
          .i64(statistics.dim(0))
          .i64(channels)
          .f32(spec.eps())
          .f32(spec.momentum())
          .over(channels);
      kernels.normalize(spec, x, residual, y, coefficients);
    }
  }

  @Override
  public void gradientSums(
      BatchNormSpec spec,
      Tensor x,
      Tensor mean,
      Tensor invStd,
      Tensor y,
      Tensor dy,
      Tensor sums,
      Tensor dWeight,
      Tensor dBias) {
    try (TensorScope scope = new TensorScope(pool)) {
      BatchNormKernels.Norm norm = new BatchNormKernels.Norm(null, null, mean, invStd);
      ChannelTiles tiles =
          kernels.gradientSums(GRADIENT_SUMS, x, BatchNormKernels.output(spec, y), dy, norm, scope);
      call.output(sums).output(dWeight).output(dBias);
      tiles.launch(call);
    }
  }

  /**
   * Writes sums of a gradient, which stays as it is: to time what it costs to sum it in a pass of
   * its own.
   *
   * @param wanted of a norm; the mask follows from what the norm read
   * @param dy like what the norm read
   */
  public void gradientSums(GradientSums wanted, Tensor dy) {
    GradientSums.Norm of = wanted.norm();
    try (TensorScope scope = new TensorScope(pool)) {
      BatchNormKernels.Norm norm =
          new BatchNormKernels.Norm(of.weight(), of.bias(), of.mean(), of.invStd());
      ChannelPacks sums = wanted.masked() ? GRADIENT_SUMS_MASKED : GRADIENT_SUMS;
      ChannelTiles tiles = kernels.gradientSums(sums, of.x(), null, dy, norm, scope);
      call.output(wanted.sums()).output(null).output(null);
      tiles.launch(call);
    }
  }

  @Override
  public void gradient(
      Tensor statistics,
      Tensor x,
      Tensor weight,
      Tensor mean,
      Tensor invStd,
      Tensor dy,
      Tensor sums,
      Tensor dx) {
    try (TensorScope scope = new TensorScope(pool)) {
      long channels = x.dim(3);
      Tensor coefficients = scope.allocate(DType.F32, 3, channels);
      call.of(JOIN_GRADIENTS)
          .tensor(statistics)
          .tensor(sums)
          .tensor(weight)
          .tensor(mean)
          .tensor(invStd)
          .tensor(coefficients)
          .i64(statistics.dim(0))
          .i64(channels)
          .over(channels);
      kernels.inputGradient(x, dy, dx, coefficients);
    }
  }
}

package dev.cocoli.nn;

import dev.cocoli.backend.spec.Activation;
import dev.cocoli.ops.Ops;
import dev.cocoli.tensor.Shape;
import dev.cocoli.tensor.Tensor;

/**
 * Batch normalisation with fixed statistics and parameters (torchvision's {@code
 * FrozenBatchNorm2d}).
 */
public final class FrozenBatchNorm2d extends Norm {
  private final FoldedNorm folded;

  /**
   * Creates the identity, which loaded weights replace.
   *
   * @param channels C
   * @param eps added to the variance
   */
  public FrozenBatchNorm2d(long channels, float eps) {
    Shape shape = Shape.of(channels);
    Parameter weight = buffer("weight", shape, Initializer.ONES);
    Parameter bias = buffer("bias", shape, Initializer.ZEROS);
    Parameter runningMean = buffer("running_mean", shape, Initializer.ZEROS);
    Parameter runningVar = buffer("running_var", shape, Initializer.ONES);
    folded =
        new FoldedNorm(weight, bias, runningMean, runningVar, derived(shape), derived(shape), eps);
  }

  @Override
  public Tensor forward(Ops ops, Conv2d conv, Tensor x, Tensor residual, Activation activation) {
    return folded.forward(ops, conv, x, residual, activation);
  }

  @Override
  protected boolean ignoresKey(String key) {
    return key.equals("num_batches_tracked");
  }
}

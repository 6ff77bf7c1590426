package dev.cocoli.nn;

import dev.cocoli.backend.spec.Activation;
import dev.cocoli.backend.spec.BatchNormSpec;
import dev.cocoli.ops.DenseOps;
import dev.cocoli.ops.MapOps;
import dev.cocoli.ops.Ops;
import dev.cocoli.tensor.Shape;
import dev.cocoli.tensor.Tensor;

/**
 * Batch normalisation (Ioffe and Szegedy 2015; torch's {@code BatchNorm2d}). While a tape records,
 * it uses the batch's statistics; otherwise the running statistics, folded into the convolution.
 */
public final class BatchNorm2d extends Norm {
  /** torch's default. */
  private static final float MOMENTUM = 0.1f;

  private final float eps;
  private final Parameter weight;
  private final Parameter bias;
  private final Parameter runningMean;
  private final Parameter runningVar;
  private final Counter numBatchesTracked;
  private final FoldedNorm folded;

  /**
   * Creates the identity, which training changes.
   *
   * @param channels C
   * @param eps added to the variance
   */
  public BatchNorm2d(long channels, float eps) {
    this.eps = eps;
    Shape shape = Shape.of(channels);
    weight = parameter("weight", shape, Layout.PLAIN, Initializer.ONES);
    bias = parameter("bias", shape, Layout.PLAIN, Initializer.ZEROS);
    runningMean = buffer("running_mean", shape, Initializer.ZEROS);
    runningVar = buffer("running_var", shape, Initializer.ONES);
    numBatchesTracked = counter("num_batches_tracked");
    folded =
        new FoldedNorm(weight, bias, runningMean, runningVar, derived(shape), derived(shape), eps);
  }

  @Override
  public Tensor forward(Ops ops, Conv2d conv, Tensor x, Tensor residual, Activation activation) {
    if (!ops.tape().isRecording()) {
      return folded.forward(ops, conv, x, residual, activation);
    }
    DenseOps.Summed raw = conv.forwardSummed(ops, x, runningMean.value());
    numBatchesTracked.set(numBatchesTracked.value() + 1);
    Tensor y =
        new MapOps(ops)
            .batchNorm(
                new BatchNormSpec(eps, MOMENTUM, activation),
                raw,
                weight.value(),
                bias.value(),
                residual,
                runningMean.value(),
                runningVar.value());
    ops.release(raw.y());
    return y;
  }
}

package dev.cocoli.nn;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.spec.Activation;
import dev.cocoli.ops.Ops;
import dev.cocoli.tensor.Tensor;

/**
 * A normalisation with fixed statistics as one factor and one addend per channel, recomputed when
 * the statistics or parameters were written. Threads that detect with one model at once share it:
 * the first folds, the others wait. Factors and addends have a parameter arena of their own,
 * because writing them must not count as writing what they are computed from.
 */
final class FoldedNorm {
  private final Parameter weight;
  private final Parameter bias;
  private final Parameter mean;
  private final Parameter var;
  private final float eps;

  private final Parameter scale;
  private final Parameter shift;

  /** The memory that the factor was computed from, and its version at that time. */
  private Tensor source;

  private long weightVersion;
  private long meanVersion;

  FoldedNorm(
      Parameter weight,
      Parameter bias,
      Parameter mean,
      Parameter var,
      Parameter scale,
      Parameter shift,
      float eps) {
    this.weight = weight;
    this.bias = bias;
    this.mean = mean;
    this.var = var;
    this.scale = scale;
    this.shift = shift;
    this.eps = eps;
  }

  Tensor forward(Ops ops, Conv2d conv, Tensor x, Tensor residual, Activation activation) {
    refresh(ops.backend());
    return conv.forwardScaled(ops, x, scale.value(), shift.value(), residual, activation);
  }

  private synchronized void refresh(Backend backend) {
    Tensor now = weight.value();
    if (source == now
        && weightVersion == now.buffer().version()
        && meanVersion == mean.value().buffer().version()) {
      return;
    }
    backend
        .norms()
        .foldBatchNorm(
            now, bias.value(), mean.value(), var.value(), eps, scale.value(), shift.value());
    source = now;
    weightVersion = now.buffer().version();
    meanVersion = mean.value().buffer().version();
  }
}

package dev.cocoli.nn;

import dev.cocoli.backend.spec.Activation;
import dev.cocoli.ops.Ops;
import dev.cocoli.tensor.Tensor;

/**
 * A normalisation that follows a convolution. It runs the convolution itself, so that fixed
 * statistics can be folded into it.
 */
public abstract class Norm extends Module {

  /**
   * For subclasses, which may lie outside this library. One that moves running statistics, which
   * are buffers, has a counter too, by which replicas know that there is something to share.
   */
  protected Norm() {}

  /** The normalisations that a backbone can be built with. */
  public enum Type {
    /** Fixed statistics and parameters, for backbones trained elsewhere. */
    FROZEN(FrozenBatchNorm2d::new),
    /** Statistics of the batch in training, running ones in inference. */
    BATCH(BatchNorm2d::new);

    private interface Constructor {
      Norm create(long channels, float eps);
    }

    private final Constructor constructor;

    Type(Constructor constructor) {
      this.constructor = constructor;
    }

    /**
     * {@return a normalisation of a number of channels}
     *
     * @param channels C
     * @param eps added to the variance
     */
    public Norm create(long channels, float eps) {
      return constructor.create(channels, eps);
    }
  }

  /**
   * {@return {@code activation(norm(conv(x)) + residual)}}
   *
   * @param ops the forward pass
   * @param conv the convolution before it, without a bias
   * @param x its input {@code [N,H,W,I]}
   * @param residual {@code [N,H',W',O]} or null
   * @param activation applied last
   */
  public abstract Tensor forward(
      Ops ops, Conv2d conv, Tensor x, Tensor residual, Activation activation);
}

package dev.cocoli.nn;

import dev.cocoli.backend.spec.Activation;
import dev.cocoli.backend.spec.Conv2dSpec;
import dev.cocoli.ops.DenseOps;
import dev.cocoli.ops.Ops;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Shape;
import dev.cocoli.tensor.Tensor;

/** A square convolution. In: {@code [N,H,W,I]}; out: {@code [N,H',W',O]}. */
public final class Conv2d extends Module {
  private final Conv2dSpec spec;
  private final Parameter weight;
  private final Parameter bias;

  private Conv2d(long in, long out, Conv2dSpec spec, Initializer initializer, boolean withBias) {
    this.spec = spec;
    this.weight =
        parameter(
            "weight",
            Shape.of(out, spec.kernel(), spec.kernel(), in),
            Layout.CONVOLUTION,
            initializer);
    this.bias = withBias ? parameter("bias", Shape.of(out), Layout.PLAIN, Initializer.ZEROS) : null;
  }

  /**
   * {@return a convolution with a bias of 0}
   *
   * @param in I
   * @param out O
   * @param spec the window
   * @param initializer draws the weight
   */
  public static Conv2d withBias(long in, long out, Conv2dSpec spec, Initializer initializer) {
    return new Conv2d(in, out, spec, initializer, true);
  }

  /**
   * {@return a convolution to be followed by a normalisation: no bias, He's initialisation by the
   * fan out}
   *
   * @param in I
   * @param out O
   * @param spec the window
   */
  public static Conv2d beforeNorm(long in, long out, Conv2dSpec spec) {
    long fanOut = out * spec.kernel() * spec.kernel();
    return new Conv2d(in, out, spec, Initializer.kaimingNormal(fanOut), false);
  }

  Conv2dSpec spec() {
    return spec;
  }

  Parameter weight() {
    return weight;
  }

  /** Null if it has none. */
  Parameter bias() {
    return bias;
  }

  /**
   * {@return the activated output}
   *
   * @param ops the forward pass
   * @param x {@code [N,H,W,I]}
   * @param activation applied last
   */
  public Tensor forward(Ops ops, Tensor x, Activation activation) {
    Tensor shift = bias == null ? null : bias.value();
    return new DenseOps(ops).conv2d(spec.with(activation), x, weight.value(), null, shift, null);
  }

  /**
   * {@return the activated output where the window lies within the input: without padding}
   *
   * @param ops the forward pass
   * @param x {@code [N,H,W,I]}
   * @param activation applied last
   */
  public Tensor forwardWithin(Ops ops, Tensor x, Activation activation) {
    Tensor shift = bias == null ? null : bias.value();
    return new DenseOps(ops)
        .conv2d(spec.withoutPadding().with(activation), x, weight.value(), null, shift, null);
  }

  /**
   * {@return the output in fp32, whatever the input is in: for losses and boxes}
   *
   * @param ops the forward pass
   * @param x {@code [N,H,W,I]}
   */
  public Tensor predict(Ops ops, Tensor x) {
    Tensor shift = bias == null ? null : bias.value();
    return new DenseOps(ops).conv2d(spec, x, weight.value(), null, shift, null, DType.F32);
  }

  /**
   * {@return the output, with sums for a normalisation if there is no bias}
   *
   * @param ops the forward pass
   * @param x {@code [N,H,W,I]}
   * @param centre {@code [O]}, about which is summed
   */
  DenseOps.Summed forwardSummed(Ops ops, Tensor x, Tensor centre) {
    return bias == null
        ? new DenseOps(ops).conv2dMoments(spec, x, weight.value(), centre)
        : new DenseOps.Summed(forward(ops, x, Activation.NONE), null);
  }

  /**
   * {@return the output multiplied by a factor and shifted by an addend per channel, with a
   * residual added and an activation applied, in one primitive}
   *
   * @param ops the forward pass
   * @param x {@code [N,H,W,I]}
   * @param scale {@code [O]}
   * @param shift {@code [O]}
   * @param residual like the output, or null
   * @param activation applied last
   */
  Tensor forwardScaled(
      Ops ops, Tensor x, Tensor scale, Tensor shift, Tensor residual, Activation activation) {
    return new DenseOps(ops)
        .conv2d(spec.with(activation), x, weight.value(), scale, shift, residual);
  }
}

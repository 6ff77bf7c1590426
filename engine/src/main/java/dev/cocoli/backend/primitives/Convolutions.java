package dev.cocoli.backend.primitives;

import dev.cocoli.backend.spec.Activation;
import dev.cocoli.backend.spec.Conv2dSpec;
import dev.cocoli.tensor.Tensor;

/**
 * Convolutions of activations {@code [N,H,W,I]} by weights {@code [O,kH,kW,I]}, and their
 * gradients.
 */
public interface Convolutions {
  /**
   * Convolution: {@code y = activation(conv(x, weight) * scale + shift + residual)}.
   *
   * @param spec window and activation
   * @param x {@code [N,H,W,I]}
   * @param weight {@code [O,kH,kW,I]}
   * @param scale {@code [O]} or null
   * @param shift {@code [O]} (a bias, if there is no scale) or null
   * @param residual like y, or null
   * @param y {@code [N,H',W',O]}
   */
  void conv2d(
      Conv2dSpec spec,
      Tensor x,
      Tensor weight,
      Tensor scale,
      Tensor shift,
      Tensor residual,
      Tensor y);

  /**
   * Gradient of {@link #conv2d} by its input, given that by the value before the activation.
   *
   * @param spec the window; the activation is not looked at
   * @param dy like y
   * @param weight the weight
   * @param scale the scale or null
   * @param addend like dx, added; may be dx; or null
   * @param activated the input x, if a {@link Activation#RELU} made it and dx is to be the gradient
   *     before that: 0 wherever x is not positive; or null
   * @param sums sums of dx that may be computed in passing; or null
   * @param dx like x
   * @return whether the sums have been written
   */
  boolean conv2dBackwardData(
      Conv2dSpec spec,
      Tensor dy,
      Tensor weight,
      Tensor scale,
      Tensor addend,
      Tensor activated,
      GradientSums sums,
      Tensor dx);

  /**
   * A convolution that a normalisation follows: {@code y = conv(x, weight)}, and perhaps, in
   * passing, what {@link Norms#batchNorm} sums of y.
   *
   * @param spec the window, without an activation
   * @param x {@code [N,H,W,I]}
   * @param weight {@code [O,kH,kW,I]}
   * @param centre F32 {@code [O]}, subtracted from what is summed: the nearer to the mean of y, the
   *     less is lost
   * @param sums F32 {@code [2,O]} of zeros, written: of y less the centre, and of the squares of
   *     that
   * @param y {@code [N,H',W',O]}
   * @return whether the sums have been written
   */
  default boolean conv2dMoments(
      Conv2dSpec spec, Tensor x, Tensor weight, Tensor centre, Tensor sums, Tensor y) {
    conv2d(spec, x, weight, null, null, null, y);
    return false;
  }

  /** {@return whether sums are ever written in passing: else nobody needs to ask for them} */
  boolean sumsInPassing();

  /**
   * Adds the gradients of {@link #conv2d} by its parameters, given that by the value before the
   * activation.
   *
   * @param spec the window; the activation is not looked at
   * @param x the input
   * @param dy like y
   * @param scale the scale or null
   * @param dWeight like the weight; added to
   * @param dShift {@code [O]}, added to, or null
   */
  void conv2dBackwardWeight(
      Conv2dSpec spec, Tensor x, Tensor dy, Tensor scale, Tensor dWeight, Tensor dShift);
}

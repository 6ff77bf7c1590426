package dev.cocoli.backend.primitives;

import dev.cocoli.tensor.Tensor;

/**
 * Sums over all pixels of a gradient, by channel, which the operation that wrote a convolution's
 * input needs of the gradient by that input. {@link Convolutions#conv2dBackwardData} may compute
 * them with the gradient; then they cost no pass over it.
 *
 * @param norm the normalisation that wrote the input; null if a layer with a bias did
 * @param masked whether a ReLU follows the normalisation, whose mask follows from what the
 *     normalisation read, and which nobody else needs to apply: if the sums are written they are
 *     those of the masked gradient, and dx is masked, too
 * @param sums F32 {@code [2,C]} of zeros, written: of the gradient, and of its products with what
 *     the normalisation read less the mean; {@code [1,C]} without a normalisation
 */
public record GradientSums(Norm norm, boolean masked, Tensor sums) {

  /**
   * A batch normalisation, see {@link Norms#batchNorm}.
   *
   * @param x what it read, {@code [N,H,W,C]}
   * @param weight {@code [C]}
   * @param bias {@code [C]}
   * @param mean {@code [C]}
   * @param invStd {@code [C]}
   */
  public record Norm(Tensor x, Tensor weight, Tensor bias, Tensor mean, Tensor invStd) {}

  /**
   * {@return what the gradient of a bias takes}
   *
   * @param sums F32 {@code [1,C]}
   */
  public static GradientSums ofBias(Tensor sums) {
    return new GradientSums(null, false, sums);
  }
}

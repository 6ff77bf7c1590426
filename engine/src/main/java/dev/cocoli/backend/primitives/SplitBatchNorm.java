package dev.cocoli.backend.primitives;

import dev.cocoli.backend.spec.BatchNormSpec;
import dev.cocoli.tensor.Tensor;

/**
 * Batch normalisation in training in pieces, between which replicas join what each has of its own
 * images. In the order of the methods they do what {@link Norms#batchNorm} and {@link
 * Norms#batchNormBackward} do at once. Replicas may have different numbers of values per channel.
 */
public interface SplitBatchNorm {

  /**
   * Mean and variance of each channel.
   *
   * @param x {@code [N,H,W,C]}
   * @param statistics F32 {@code [2C+1]}, written: means, biased variances, values per channel
   */
  void statistics(Tensor x, Tensor statistics);

  /**
   * Normalises by the statistics of all replicas.
   *
   * @param spec constants
   * @param statistics F32 {@code [R,2C+1]}, one row per replica
   * @param x {@code [N,H,W,C]}
   * @param weight {@code [C]}
   * @param bias {@code [C]}
   * @param residual like x, added before the activation; null for none
   * @param runningMean {@code [C]}, updated
   * @param runningVar {@code [C]}, updated
   * @param mean {@code [C]}, written, for the backward pass
   * @param invStd {@code [C]}, written, for the backward pass
   * @param y like x, written
   */
  void normalize(
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
      Tensor y);

  /**
   * Sums of the gradient by channel; adds the parameters' gradients, which are those of this
   * replica's images.
   *
   * @param spec constants
   * @param x {@code [N,H,W,C]}
   * @param mean {@code [C]} of {@link #normalize}
   * @param invStd {@code [C]} of {@link #normalize}
   * @param y what {@link #normalize} wrote
   * @param dy like x; overwritten by the gradient before the activation
   * @param sums F32 {@code [2,C]}, written: of the gradient, and of its products with x less the
   *     mean
   * @param dWeight {@code [C]}, added to; null if not wanted
   * @param dBias {@code [C]}, added to; null if not wanted
   */
  void gradientSums(
      BatchNormSpec spec,
      Tensor x,
      Tensor mean,
      Tensor invStd,
      Tensor y,
      Tensor dy,
      Tensor sums,
      Tensor dWeight,
      Tensor dBias);

  /**
   * The input's gradient.
   *
   * @param statistics F32 {@code [R,2C+1]}, for the number of values
   * @param x {@code [N,H,W,C]}
   * @param weight {@code [C]}
   * @param mean {@code [C]} of {@link #normalize}
   * @param invStd {@code [C]} of {@link #normalize}
   * @param dy what {@link #gradientSums} left
   * @param sums F32 {@code [2,C]}, the sum of all replicas'
   * @param dx like x, written
   */
  void gradient(
      Tensor statistics,
      Tensor x,
      Tensor weight,
      Tensor mean,
      Tensor invStd,
      Tensor dy,
      Tensor sums,
      Tensor dx);
}

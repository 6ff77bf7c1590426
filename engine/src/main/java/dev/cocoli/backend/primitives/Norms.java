package dev.cocoli.backend.primitives;

import dev.cocoli.backend.spec.BatchNormSpec;
import dev.cocoli.tensor.Tensor;

/** Batch normalisation of maps {@code [N,H,W,C]} over all but the last axis. */
public interface Norms {
  /**
   * Batch normalisation in training over all but the last axis: {@code y = activation((x - mean) *
   * invStd * weight + bias + residual)} with this batch's mean and biased variance. The running
   * statistics move towards the mean and the unbiased variance.
   *
   * @param spec constants and activation
   * @param x {@code [N,H,W,C]}
   * @param weight {@code [C]}
   * @param bias {@code [C]}
   * @param residual like x, or null
   * @param runningMean {@code [C]}, updated
   * @param runningVar {@code [C]}, updated
   * @param sums what {@link Convolutions#conv2dMoments} wrote of x with the running mean as the
   *     centre; null to sum here
   * @param mean {@code [C]}, written for the backward call
   * @param invStd {@code [C]}, {@code 1 / sqrt(variance + eps)}, written for the backward call
   * @param y like x
   */
  void batchNorm(
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
      Tensor y);

  /**
   * Gradients of {@link #batchNorm}.
   *
   * @param spec constants and activation
   * @param x the input
   * @param weight {@code [C]}
   * @param bias {@code [C]}
   * @param residual what the forward call had, or null
   * @param mean what the forward call wrote
   * @param invStd what the forward call wrote
   * @param y the output (for the activation's mask)
   * @param dy like y; overwritten: if there is a residual, by the residual's gradient, which is
   *     that before the activation; else with anything
   * @param sums what {@link Convolutions#conv2dBackwardData} wrote of dy, see {@link GradientSums};
   *     null to sum here. With them the spec has no activation: dy is masked
   * @param dx like x; not dy
   * @param dWeight {@code [C]}, added to, or null together with dBias
   * @param dBias {@code [C]}, added to, or null
   */
  void batchNormBackward(
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
      Tensor dBias);

  /**
   * {@return whether {@link #batchNormBackward} applies the activation's mask without passing over
   * the gradient once more, even if there is a residual: then nobody else needs to apply it}
   */
  boolean masksInPassing();

  /**
   * Writes a normalisation with fixed statistics as one factor and one addend per channel: {@code
   * scale = weight / sqrt(var + eps)}, {@code shift = bias - mean * scale}.
   *
   * @param weight {@code [C]}
   * @param bias {@code [C]}
   * @param mean {@code [C]}
   * @param var {@code [C]}
   * @param eps added to the variance
   * @param scale {@code [C]}, written
   * @param shift {@code [C]}, written
   */
  void foldBatchNorm(
      Tensor weight, Tensor bias, Tensor mean, Tensor var, float eps, Tensor scale, Tensor shift);
}

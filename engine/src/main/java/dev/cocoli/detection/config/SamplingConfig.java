package dev.cocoli.detection.config;

/**
 * Which proposals the RoI heads are trained on.
 *
 * @param fgIouThresh IoU from which a proposal is an object
 * @param bgIouThresh IoU below which a proposal is background
 * @param batchSizePerImage proposals per image that are trained on
 * @param positiveFraction the most of them that are objects
 * @param bgIouMin IoU below which a proposal is not even background, but left out
 */
public record SamplingConfig(
    float fgIouThresh,
    float bgIouThresh,
    long batchSizePerImage,
    float positiveFraction,
    float bgIouMin) {
  /** torchvision's. */
  public static final SamplingConfig DEFAULT = new SamplingConfig(0.5f, 0.5f, 512, 0.25f, 0f);

  /** Checks the values. */
  public SamplingConfig {
    Hyperparameters.requirePositive("box_batch_size_per_image", batchSizePerImage);
    Hyperparameters.require(
        bgIouThresh <= fgIouThresh, "box_bg_iou_thresh is at most box_fg_iou_thresh");
    Hyperparameters.requireFraction("box_positive_fraction", positiveFraction);
    Hyperparameters.require(bgIouMin <= bgIouThresh, "box_bg_iou_min is at most box_bg_iou_thresh");
  }

  /**
   * {@return this with another {@link #fgIouThresh}}
   *
   * @param value the new one
   */
  public SamplingConfig withFgIouThresh(float value) {
    return new SamplingConfig(value, bgIouThresh, batchSizePerImage, positiveFraction, bgIouMin);
  }

  /**
   * {@return this with another {@link #bgIouThresh}}
   *
   * @param value the new one
   */
  public SamplingConfig withBgIouThresh(float value) {
    return new SamplingConfig(fgIouThresh, value, batchSizePerImage, positiveFraction, bgIouMin);
  }

  /**
   * {@return this with another {@link #batchSizePerImage}}
   *
   * @param value the new one
   */
  public SamplingConfig withBatchSizePerImage(long value) {
    return new SamplingConfig(fgIouThresh, bgIouThresh, value, positiveFraction, bgIouMin);
  }

  /**
   * {@return this with another {@link #positiveFraction}}
   *
   * @param value the new one
   */
  public SamplingConfig withPositiveFraction(float value) {
    return new SamplingConfig(fgIouThresh, bgIouThresh, batchSizePerImage, value, bgIouMin);
  }

  /**
   * {@return this with another {@link #bgIouMin}}
   *
   * @param value the new one
   */
  public SamplingConfig withBgIouMin(float value) {
    return new SamplingConfig(fgIouThresh, bgIouThresh, batchSizePerImage, positiveFraction, value);
  }
}

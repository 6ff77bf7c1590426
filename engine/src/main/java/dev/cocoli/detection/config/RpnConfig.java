package dev.cocoli.detection.config;

/**
 * The hyper-parameters of a region proposal network.
 *
 * @param preNmsTopNTrain proposals per map before suppression, in training
 * @param preNmsTopNTest the same in detection
 * @param postNmsTopNTrain proposals per image after suppression, in training
 * @param postNmsTopNTest the same in detection
 * @param nmsThresh IoU above which the worse proposal goes
 * @param fgIouThresh IoU from which an anchor is an object
 * @param bgIouThresh IoU below which an anchor is background
 * @param batchSizePerImage anchors per image that are trained on
 * @param positiveFraction the most of them that are objects
 * @param scoreThresh proposals that score less are dropped
 */
public record RpnConfig(
    long preNmsTopNTrain,
    long preNmsTopNTest,
    long postNmsTopNTrain,
    long postNmsTopNTest,
    float nmsThresh,
    float fgIouThresh,
    float bgIouThresh,
    long batchSizePerImage,
    float positiveFraction,
    float scoreThresh) {
  /** torchvision's. */
  public static final RpnConfig DEFAULT =
      new RpnConfig(2000, 1000, 2000, 1000, 0.7f, 0.7f, 0.3f, 256, 0.5f, 0f);

  /** Checks the values. */
  public RpnConfig {
    Hyperparameters.requirePositive("rpn_pre_nms_top_n_train", preNmsTopNTrain);
    Hyperparameters.requirePositive("rpn_pre_nms_top_n_test", preNmsTopNTest);
    Hyperparameters.requirePositive("rpn_post_nms_top_n_train", postNmsTopNTrain);
    Hyperparameters.requirePositive("rpn_post_nms_top_n_test", postNmsTopNTest);
    Hyperparameters.requirePositive("rpn_batch_size_per_image", batchSizePerImage);
    Hyperparameters.require(
        bgIouThresh <= fgIouThresh, "rpn_bg_iou_thresh is at most rpn_fg_iou_thresh");
    Hyperparameters.requireFraction("rpn_positive_fraction", positiveFraction);
    Hyperparameters.requireFraction("rpn_nms_thresh", nmsThresh);
  }

  /**
   * {@return this with another {@link #preNmsTopNTrain}}
   *
   * @param value the new one
   */
  public RpnConfig withPreNmsTopNTrain(long value) {
    return Hyperparameters.with(this, "preNmsTopNTrain", value);
  }

  /**
   * {@return this with another {@link #preNmsTopNTest}}
   *
   * @param value the new one
   */
  public RpnConfig withPreNmsTopNTest(long value) {
    return Hyperparameters.with(this, "preNmsTopNTest", value);
  }

  /**
   * {@return this with another {@link #postNmsTopNTrain}}
   *
   * @param value the new one
   */
  public RpnConfig withPostNmsTopNTrain(long value) {
    return Hyperparameters.with(this, "postNmsTopNTrain", value);
  }

  /**
   * {@return this with another {@link #postNmsTopNTest}}
   *
   * @param value the new one
   */
  public RpnConfig withPostNmsTopNTest(long value) {
    return Hyperparameters.with(this, "postNmsTopNTest", value);
  }

  /**
   * {@return this with another {@link #nmsThresh}}
   *
   * @param value the new one
   */
  public RpnConfig withNmsThresh(float value) {
    return Hyperparameters.with(this, "nmsThresh", value);
  }

  /**
   * {@return this with another {@link #fgIouThresh}}
   *
   * @param value the new one
   */
  public RpnConfig withFgIouThresh(float value) {
    return Hyperparameters.with(this, "fgIouThresh", value);
  }

  /**
   * {@return this with another {@link #bgIouThresh}}
   *
   * @param value the new one
   */
  public RpnConfig withBgIouThresh(float value) {
    return Hyperparameters.with(this, "bgIouThresh", value);
  }

  /**
   * {@return this with another {@link #batchSizePerImage}}
   *
   * @param value the new one
   */
  public RpnConfig withBatchSizePerImage(long value) {
    return Hyperparameters.with(this, "batchSizePerImage", value);
  }

  /**
   * {@return this with another {@link #positiveFraction}}
   *
   * @param value the new one
   */
  public RpnConfig withPositiveFraction(float value) {
    return Hyperparameters.with(this, "positiveFraction", value);
  }

  /**
   * {@return this with another {@link #scoreThresh}}
   *
   * @param value the new one
   */
  public RpnConfig withScoreThresh(float value) {
    return Hyperparameters.with(this, "scoreThresh", value);
  }
}

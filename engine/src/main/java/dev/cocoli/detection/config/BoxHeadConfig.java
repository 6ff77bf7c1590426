package dev.cocoli.detection.config;

import dev.cocoli.backend.spec.BoxCoderSpec;
import dev.cocoli.detection.head.RoiPooling;
import java.util.List;

/**
 * The hyper-parameters of the branch that classifies and refines proposals.
 *
 * @param headSize width of the box head's two layers
 * @param scoreThresh detections that do not score more are dropped
 * @param nmsThresh IoU above which the worse detection of a class goes
 * @param detectionsPerImg detections per image at most
 * @param roiPool how regions are cut out of one map; out of a pyramid, it is RoIAlign
 * @param poolSize bins of a pooled region along each axis
 * @param samplingRatio samples of RoIAlign per bin along each axis
 * @param regWeights weights of the box coder: x, y, width, height
 * @param smoothL1Beta where the loss of boxes turns from a parabola to a line
 */
public record BoxHeadConfig(
    int headSize,
    float scoreThresh,
    float nmsThresh,
    int detectionsPerImg,
    RoiPooling roiPool,
    int poolSize,
    int samplingRatio,
    List<Float> regWeights,
    float smoothL1Beta) {
  /** torchvision's. */
  public static final BoxHeadConfig DEFAULT =
      new BoxHeadConfig(
          1024, 0.05f, 0.5f, 100, RoiPooling.POOL, 7, 2, List.of(10f, 10f, 5f, 5f), 1f / 9);

  /** Copies and checks. */
  public BoxHeadConfig {
    regWeights = List.copyOf(regWeights);
    Hyperparameters.requirePositive("box_head_size", headSize);
    Hyperparameters.requirePositive("box_detections_per_img", detectionsPerImg);
    Hyperparameters.requireFraction("box_nms_thresh", nmsThresh);
    Hyperparameters.require(
        poolSize >= 1 && samplingRatio >= 1, "box_pool_size and box_sampling_ratio are at least 1");
    Hyperparameters.require(
        regWeights.size() == 4 && regWeights.stream().allMatch(weight -> weight > 0),
        "bbox_reg_weights has 4 positive numbers");
    Hyperparameters.require(smoothL1Beta > 0, "box_smooth_l1_beta is positive");
  }

  /**
   * {@return this with another {@link #headSize}}
   *
   * @param value the new one
   */
  public BoxHeadConfig withHeadSize(int value) {
    return Hyperparameters.with(this, "headSize", value);
  }

  /**
   * {@return this with another {@link #scoreThresh}}
   *
   * @param value the new one
   */
  public BoxHeadConfig withScoreThresh(float value) {
    return Hyperparameters.with(this, "scoreThresh", value);
  }

  /**
   * {@return this with another {@link #nmsThresh}}
   *
   * @param value the new one
   */
  public BoxHeadConfig withNmsThresh(float value) {
    return Hyperparameters.with(this, "nmsThresh", value);
  }

  /**
   * {@return this with another {@link #detectionsPerImg}}
   *
   * @param value the new one
   */
  public BoxHeadConfig withDetectionsPerImg(int value) {
    return Hyperparameters.with(this, "detectionsPerImg", value);
  }

  /**
   * {@return this with another {@link #roiPool}}
   *
   * @param value the new one
   */
  public BoxHeadConfig withRoiPool(RoiPooling value) {
    return Hyperparameters.with(this, "roiPool", value);
  }

  /**
   * {@return this with another {@link #poolSize}}
   *
   * @param value the new one
   */
  public BoxHeadConfig withPoolSize(int value) {
    return Hyperparameters.with(this, "poolSize", value);
  }

  /**
   * {@return this with another {@link #samplingRatio}}
   *
   * @param value the new one
   */
  public BoxHeadConfig withSamplingRatio(int value) {
    return Hyperparameters.with(this, "samplingRatio", value);
  }

  /**
   * {@return this with another {@link #regWeights}}
   *
   * @param value the new one
   */
  public BoxHeadConfig withRegWeights(List<Float> value) {
    return Hyperparameters.with(this, "regWeights", value);
  }

  /**
   * {@return this with another {@link #smoothL1Beta}}
   *
   * @param value the new one
   */
  public BoxHeadConfig withSmoothL1Beta(float value) {
    return Hyperparameters.with(this, "smoothL1Beta", value);
  }

  /** {@return the box coder of these weights} */
  public BoxCoderSpec boxCoder() {
    return new BoxCoderSpec(
        regWeights.get(0), regWeights.get(1), regWeights.get(2), regWeights.get(3));
  }
}

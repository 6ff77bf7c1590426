package dev.cocoli.detection.config;

/**
 * The hyper-parameters of what R-CNN fits to features after the steps.
 *
 * @param svmC the cost of a mistake of the support vector machines
 * @param svmNegIouThresh IoU below which a region is background to them
 * @param bboxRidge the weight of the ridge in the regression of boxes
 * @param bboxIouThresh IoU above which a region learns to become its object
 */
public record StagesConfig(
    float svmC, float svmNegIouThresh, float bboxRidge, float bboxIouThresh) {
  /** The paper's. */
  public static final StagesConfig DEFAULT = new StagesConfig(1e-3f, 0.3f, 1000f, 0.6f);

  /** Checks the values. */
  public StagesConfig {
    Hyperparameters.require(svmC > 0 && bboxRidge > 0, "svm_c and bbox_ridge are positive");
    Hyperparameters.requireFraction("svm_neg_iou_thresh", svmNegIouThresh);
    Hyperparameters.requireFraction("bbox_iou_thresh", bboxIouThresh);
  }

  /**
   * {@return this with another {@link #svmC}}
   *
   * @param value the new one
   */
  public StagesConfig withSvmC(float value) {
    return new StagesConfig(value, svmNegIouThresh, bboxRidge, bboxIouThresh);
  }

  /**
   * {@return this with another {@link #svmNegIouThresh}}
   *
   * @param value the new one
   */
  public StagesConfig withSvmNegIouThresh(float value) {
    return new StagesConfig(svmC, value, bboxRidge, bboxIouThresh);
  }

  /**
   * {@return this with another {@link #bboxRidge}}
   *
   * @param value the new one
   */
  public StagesConfig withBboxRidge(float value) {
    return new StagesConfig(svmC, svmNegIouThresh, value, bboxIouThresh);
  }

  /**
   * {@return this with another {@link #bboxIouThresh}}
   *
   * @param value the new one
   */
  public StagesConfig withBboxIouThresh(float value) {
    return new StagesConfig(svmC, svmNegIouThresh, bboxRidge, value);
  }
}

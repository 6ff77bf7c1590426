package dev.cocoli.detection;

import dev.cocoli.detection.head.RoiPooling;
import java.util.List;

/**
 * The hyper-parameters of a detector, under torchvision's names and with its defaults. Sizes are
 * pixels of the resized image. Those that a model has no use for are not among its {@link
 * ModelSpec#hyperparameters}.
 *
 * @param minSize the shorter side of an image is resized to this
 * @param maxSize unless the longer one would then exceed this
 * @param imageMean mean of red, green, blue, where white is 1
 * @param imageStd standard deviation of red, green, blue
 * @param trainableBackboneLayers layers of the backbone, from the last on, that are trained; 5 is
 *     all
 * @param batchNormEps added to variances by the backbone's normalisations; torchvision sets 0 for
 *     its first COCO weights
 * @param fpnOutChannels channels of the pyramid's maps
 * @param anchorSizes the side of a square anchor of each map; over one map, of all its anchors
 * @param anchorAspectRatios heights over widths of anchors
 * @param rpnPreNmsTopNTrain proposals of a map before suppression, in training
 * @param rpnPreNmsTopNTest the same in detection
 * @param rpnPostNmsTopNTrain proposals of an image after suppression, in training
 * @param rpnPostNmsTopNTest the same in detection
 * @param rpnNmsThresh IoU above which the worse proposal goes
 * @param rpnFgIouThresh IoU from which an anchor is an object
 * @param rpnBgIouThresh IoU below which an anchor is background
 * @param rpnBatchSizePerImage anchors an image that are trained on
 * @param rpnPositiveFraction the most of them that are objects
 * @param rpnScoreThresh proposals that score less are dropped
 * @param boxHeadSize width of the box head's two layers
 * @param boxScoreThresh detections that do not score more are dropped
 * @param boxNmsThresh IoU above which the worse detection of a class goes
 * @param boxDetectionsPerImg detections of an image at most
 * @param boxFgIouThresh IoU from which a proposal is an object
 * @param boxBgIouThresh IoU below which a proposal is background
 * @param boxBatchSizePerImage proposals an image that are trained on
 * @param boxPositiveFraction the most of them that are objects
 * @param boxBgIouMin IoU below which a proposal is not even background, but left out
 * @param boxRoiPool how regions are cut out of one map
 * @param maxProposals regions that are taken of an image, the best first, where they come from
 *     outside the detector
 * @param warpSize R-CNN: the side that every region is warped to
 * @param warpContext R-CNN: how many of its pixels, on every side, show what is around the region
 * @param warpBatch R-CNN: regions that go through the network together in detection
 * @param svmC R-CNN: the cost of a mistake of the support vector machines
 * @param svmNegIouThresh R-CNN: IoU below which a region is background to them
 * @param bboxRidge R-CNN: the weight of the ridge in the regression of boxes
 * @param bboxIouThresh R-CNN: IoU above which a region learns to become its object
 */
public record DetectorConfig(
    int minSize,
    int maxSize,
    List<Float> imageMean,
    List<Float> imageStd,
    int trainableBackboneLayers,
    float batchNormEps,
    int fpnOutChannels,
    List<Integer> anchorSizes,
    List<Float> anchorAspectRatios,
    long rpnPreNmsTopNTrain,
    long rpnPreNmsTopNTest,
    long rpnPostNmsTopNTrain,
    long rpnPostNmsTopNTest,
    float rpnNmsThresh,
    float rpnFgIouThresh,
    float rpnBgIouThresh,
    long rpnBatchSizePerImage,
    float rpnPositiveFraction,
    float rpnScoreThresh,
    int boxHeadSize,
    float boxScoreThresh,
    float boxNmsThresh,
    int boxDetectionsPerImg,
    float boxFgIouThresh,
    float boxBgIouThresh,
    long boxBatchSizePerImage,
    float boxPositiveFraction,
    float boxBgIouMin,
    RoiPooling boxRoiPool,
    long maxProposals,
    int warpSize,
    int warpContext,
    int warpBatch,
    float svmC,
    float svmNegIouThresh,
    float bboxRidge,
    float bboxIouThresh) {

  /** torchvision's {@code fasterrcnn_resnet50_fpn}; the mean and deviation are ImageNet's. */
  public static final DetectorConfig DEFAULT =
      new DetectorConfig(
          800,
          1333,
          List.of(0.485f, 0.456f, 0.406f),
          List.of(0.229f, 0.224f, 0.225f),
          5,
          1e-5f,
          256,
          List.of(32, 64, 128, 256, 512),
          List.of(0.5f, 1f, 2f),
          2000,
          1000,
          2000,
          1000,
          0.7f,
          0.7f,
          0.3f,
          256,
          0.5f,
          0f,
          1024,
          0.05f,
          0.5f,
          100,
          0.5f,
          0.5f,
          512,
          0.25f,
          0f,
          RoiPooling.POOL,
          2000,
          224,
          16,
          64,
          1e-3f,
          0.3f,
          1000f,
          0.6f);

  /** Copies and checks. */
  public DetectorConfig {
    imageMean = List.copyOf(imageMean);
    imageStd = List.copyOf(imageStd);
    anchorSizes = List.copyOf(anchorSizes);
    anchorAspectRatios = List.copyOf(anchorAspectRatios);
    check(minSize >= 1 && maxSize >= minSize, "min_size is at least 1 and at most max_size");
    check(imageMean.size() == 3 && imageStd.size() == 3, "image_mean and image_std have 3 numbers");
    check(imageStd.stream().allMatch(std -> std > 0), "image_std is positive");
    check(
        trainableBackboneLayers >= 0 && trainableBackboneLayers <= 5,
        "trainable_backbone_layers is 0 to 5");
    check(fpnOutChannels >= 1 && boxHeadSize >= 1, "widths are at least 1");
    check(
        !anchorSizes.isEmpty() && anchorSizes.stream().allMatch(size -> size > 0),
        "anchor_sizes has a number or more, all positive");
    check(
        !anchorAspectRatios.isEmpty() && anchorAspectRatios.stream().allMatch(ratio -> ratio > 0),
        "anchor_aspect_ratios has a number or more, all positive");
    check(batchNormEps >= 0, "batch_norm_eps is at least 0");
    check(
        rpnPreNmsTopNTrain >= 1
            && rpnPreNmsTopNTest >= 1
            && rpnPostNmsTopNTrain >= 1
            && rpnPostNmsTopNTest >= 1
            && rpnBatchSizePerImage >= 1
            && boxBatchSizePerImage >= 1
            && boxDetectionsPerImg >= 1,
        "numbers of boxes are at least 1");
    check(rpnBgIouThresh <= rpnFgIouThresh, "rpn_bg_iou_thresh is at most rpn_fg_iou_thresh");
    check(boxBgIouThresh <= boxFgIouThresh, "box_bg_iou_thresh is at most box_fg_iou_thresh");
    check(fraction(rpnPositiveFraction) && fraction(boxPositiveFraction), "fractions are 0 to 1");
    check(boxBgIouMin <= boxBgIouThresh, "box_bg_iou_min is at most box_bg_iou_thresh");
    check(maxProposals >= 1 && warpBatch >= 1, "numbers of regions are at least 1");
    check(warpSize >= 32 && warpSize % 32 == 0, "warp_size is a multiple of 32");
    check(warpContext >= 0 && 2 * warpContext < warpSize, "warp_context leaves room in warp_size");
    check(svmC > 0 && bboxRidge > 0, "svm_c and bbox_ridge are positive");
    check(fraction(svmNegIouThresh) && fraction(bboxIouThresh), "thresholds are 0 to 1");
    check(fraction(rpnNmsThresh) && fraction(boxNmsThresh), "thresholds are 0 to 1");
  }

  private static boolean fraction(float value) {
    return value >= 0 && value <= 1;
  }

  private static void check(boolean holds, String rule) {
    if (!holds) {
      throw new IllegalArgumentException("bad hyper-parameter: " + rule);
    }
  }
}

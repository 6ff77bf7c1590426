package dev.cocoli.detection.head;

import dev.cocoli.detection.Found;
import dev.cocoli.detection.ImageBatch;
import dev.cocoli.detection.config.BoxHeadConfig;
import dev.cocoli.nn.Module;
import dev.cocoli.ops.Losses;
import dev.cocoli.ops.Ops;
import dev.cocoli.ops.RegionOps;
import dev.cocoli.ops.RegionOps.SampleTargets;
import dev.cocoli.ops.RegionOps.ScoredBoxes;
import dev.cocoli.ops.RegionOps.Selection;
import dev.cocoli.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Classifies and refines regions (Girshick 2015; the box part of torchvision's {@code RoIHeads}).
 * In: regions {@code [R,5]}; out: scored boxes of every class, and in training two losses.
 */
public final class BoxBranch implements RoiBranch {
  /** A detection with a shorter side, in pixels, is dropped: torchvision's. */
  public static final float MIN_BOX_SIDE = 1e-2f;

  private final BoxHeadConfig config;
  private final RoiPooler pooler;
  private final BoxHead head;
  private final BoxPredictor predictor;
  private final BoxLoss boxLoss;
  private final int classes;

  /**
   * Builds the branch with torchvision's loss of boxes.
   *
   * @param config its hyper-parameters
   * @param pooler how regions are pooled
   * @param head what describes a pooled region
   * @param classes K, the background included
   */
  public BoxBranch(BoxHeadConfig config, RoiPooler pooler, BoxHead head, int classes) {
    this(config, pooler, head, BoxLoss.smoothL1(config.smoothL1Beta()), classes);
  }

  /**
   * Builds the branch.
   *
   * @param config its hyper-parameters
   * @param pooler how regions are pooled
   * @param head what describes a pooled region
   * @param boxLoss how far boxes are from the objects
   * @param classes K, the background included
   */
  public BoxBranch(
      BoxHeadConfig config, RoiPooler pooler, BoxHead head, BoxLoss boxLoss, int classes) {
    this.config = config;
    this.pooler = pooler;
    this.head = head;
    this.boxLoss = boxLoss;
    this.classes = classes;
    predictor = new BoxPredictor(head.outFeatures(), classes);
  }

  @Override
  public Map<String, Module> modules() {
    Map<String, Module> modules = new LinkedHashMap<>();
    modules.put("box_head", head);
    modules.put("box_predictor", predictor);
    return modules;
  }

  /** {@return what describes a pooled region} */
  public BoxHead head() {
    return head;
  }

  /** {@return K, the background included} */
  public int classes() {
    return classes;
  }

  @Override
  public List<String> lossNames() {
    return List.of("loss_classifier", "loss_box_reg");
  }

  @Override
  public void train(Ops ops, FeatureMaps features, RoiSampler.Sample sample, Tensor losses) {
    SampleTargets targets = sample.targets(ops, config.boxCoder());
    BoxPredictor.Output output = predict(ops, pool(ops, features, targets.rois()));
    new Losses(ops).softmaxCrossEntropy(output.logits(), targets.labels(), losses.rows(0, 1));
    boxLoss.write(ops, output.deltas(), targets, losses.rows(1, 1));
  }

  /**
   * {@return the maps of regions, {@code [R,bins,bins,C]}}
   *
   * @param ops the forward pass
   * @param features what they are pooled from
   * @param rois {@code [R,5]}
   */
  public Tensor pool(Ops ops, FeatureMaps features, Tensor rois) {
    return pooler.forward(ops, features.batch(), features.maps(), rois);
  }

  /**
   * {@return the classes and boxes of pooled regions}
   *
   * @param ops the forward pass
   * @param pooled {@code [R,bins,bins,C]}
   */
  public BoxPredictor.Output predict(Ops ops, Tensor pooled) {
    return predictor.forward(ops, head.forward(ops, pooled));
  }

  /**
   * {@return suppressed detections, sorted}
   *
   * @param ops runs the operations
   * @param batch the images
   * @param rois {@code [N,M,5]}, the regions of each image
   * @param output what {@link #predict} said of them
   */
  public Found detect(Ops ops, ImageBatch batch, Tensor rois, BoxPredictor.Output output) {
    long images = rois.dim(0);
    long perImage = rois.dim(1);
    RegionOps regions = new RegionOps(ops);
    ScoredBoxes candidates =
        regions.decodeDetections(
            config.boxCoder(),
            output.logits().reshape(images, perImage, classes),
            output.deltas().reshape(images, perImage, 4L * classes),
            rois,
            batch.imageSizes(),
            MIN_BOX_SIDE,
            config.scoreThresh());
    Selection kept =
        regions.nms(
            config.nmsThresh(), candidates, classOfEach(ops, perImage), config.detectionsPerImg());
    Tensor scores = candidates.scores();
    return new Found(
        ops.gatherRows(candidates.boxes(), kept.indices()),
        ops.gatherRows(scores.reshape(images, scores.dim(1), 1), kept.indices()),
        kept.indices());
  }

  /** The class of each scored box of an image, the background left out. */
  private record ClassNumbersKey(int regions, int foreground) {
    int[] generate() {
      int[] numbers = new int[regions * foreground];
      for (int i = 0; i < numbers.length; i++) {
        numbers[i] = i % foreground;
      }
      return numbers;
    }
  }

  private Tensor classOfEach(Ops ops, long perImage) {
    // the processor knows how many regions there are, so one tensor serves many numbers of them
    int capacity = Integer.highestOneBit(Math.toIntExact(Math.max(1, 2 * perImage - 1)));
    ClassNumbersKey key = new ClassNumbersKey(capacity, classes - 1);
    return ops.constants()
        .ints(key, key::generate, (long) capacity * (classes - 1))
        .rows(0, perImage * (classes - 1));
  }
}

package dev.cocoli.detection.head;

import dev.cocoli.backend.spec.BoxCoderSpec;
import dev.cocoli.backend.spec.MatchSpec;
import dev.cocoli.backend.spec.SampleSpec;
import dev.cocoli.detection.DetectionModel;
import dev.cocoli.detection.DetectorConfig;
import dev.cocoli.detection.ImageBatch;
import dev.cocoli.nn.Module;
import dev.cocoli.ops.Losses;
import dev.cocoli.ops.Ops;
import dev.cocoli.ops.RegionOps;
import dev.cocoli.ops.RegionOps.GroundTruth;
import dev.cocoli.ops.RegionOps.SampleTargets;
import dev.cocoli.ops.RegionOps.ScoredBoxes;
import dev.cocoli.ops.RegionOps.Selection;
import dev.cocoli.tensor.Tensor;
import java.util.List;

/**
 * Classifies and refines proposals (Girshick 2015; torchvision's {@code RoIHeads} without masks and
 * keypoints). In: maps and proposals {@code [N,M,4]}; out: scored boxes of every class, and in
 * training two losses.
 */
public final class RoiHeads extends Module {
  /**
   * Where the smooth L1 loss turns from a parabola to a line: torchvision's 1/9, in both stages.
   */
  static final float SMOOTH_L1_BETA = 1f / 9;

  /** A detection with a shorter side, in pixels, is dropped: torchvision's. */
  private static final float MIN_BOX_SIDE = 1e-2f;

  private final DetectorConfig config;
  private final RoiPooler boxRoiPool;
  private final BoxHead boxHead;
  private final BoxPredictor boxPredictor;
  private final long classes;

  /**
   * Builds the heads.
   *
   * @param config their hyper-parameters
   * @param channels C of the maps
   * @param boxRoiPool how regions are pooled from them
   * @param classes K, the background included
   */
  public RoiHeads(DetectorConfig config, long channels, RoiPooler boxRoiPool, long classes) {
    this.config = config;
    this.boxRoiPool = boxRoiPool;
    this.classes = classes;
    boxHead = child("box_head", new BoxHead(channels, RoiPooler.BINS, config.boxHeadSize()));
    boxPredictor = child("box_predictor", new BoxPredictor(config.boxHeadSize(), classes));
  }

  /** {@return the two layers over a pooled region} */
  public BoxHead boxHead() {
    return boxHead;
  }

  /**
   * Suppressed, sorted detections. The maps are released.
   *
   * @param ops runs the operations
   * @param batch the images
   * @param maps the feature maps
   * @param proposals the regions to classify
   * @return the detections on the device
   */
  public DetectionModel.Found detect(
      Ops ops, ImageBatch batch, List<Tensor> maps, Proposals proposals) {
    long images = proposals.boxes().dim(0);
    long perImage = proposals.boxes().dim(1);
    Tensor rois = withImageNumbers(ops, proposals.boxes());
    Tensor pooled = boxRoiPool.forward(ops, batch, maps, rois);
    maps.forEach(ops::release);
    BoxPredictor.Output output = boxPredictor.forward(ops, boxHead.forward(ops, pooled));
    RegionOps regions = new RegionOps(ops);
    ScoredBoxes candidates =
        regions.decodeDetections(
            BoxCoderSpec.BOX_HEAD,
            output.logits().reshape(images, perImage, classes),
            output.deltas().reshape(images, perImage, 4 * classes),
            rois.reshape(images, perImage, 5),
            batch.imageSizes(),
            MIN_BOX_SIDE,
            config.boxScoreThresh());
    Selection kept =
        regions.nms(
            config.boxNmsThresh(),
            candidates,
            classOfEach(ops, perImage),
            config.boxDetectionsPerImg());
    Tensor scores = candidates.scores();
    return new DetectionModel.Found(
        ops.gatherRows(candidates.boxes(), kept.indices()),
        ops.gatherRows(scores.reshape(images, scores.dim(1), 1), kept.indices()),
        kept.indices());
  }

  /** Boxes {@code [N,M,4]} as regions {@code [N*M,5]}. */
  private static Tensor withImageNumbers(Ops ops, Tensor boxes) {
    int images = Math.toIntExact(boxes.dim(0));
    int perImage = Math.toIntExact(boxes.dim(1));
    long rows = Math.multiplyExact(images, perImage);
    ImageNumbersKey key = new ImageNumbersKey(images, perImage);
    return ops.concatColumns(
        List.of(ops.constants().floats(key, key::generate, rows, 1), boxes.reshape(rows, 4)));
  }

  /** The number of the image of each region of a batch. */
  private record ImageNumbersKey(int images, int perImage) {
    float[] generate() {
      float[] numbers = new float[images * perImage];
      for (int i = 0; i < numbers.length; i++) {
        numbers[i] = (float) (i / perImage);
      }
      return numbers;
    }
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
    ClassNumbersKey key = new ClassNumbersKey(capacity, Math.toIntExact(classes - 1));
    return ops.constants()
        .ints(key, key::generate, capacity * (classes - 1))
        .rows(0, perImage * (classes - 1));
  }

  /** {@return the names of its losses} */
  public List<String> lossNames() {
    return List.of("loss_classifier", "loss_box_reg");
  }

  /**
   * Records the losses of a sample of proposals, to which the objects themselves are added.
   *
   * @param ops the forward pass
   * @param batch the images
   * @param maps their maps
   * @param proposals regions that may hold an object
   * @param groundTruth the objects
   * @param seeds of the sampler, one an image
   * @param written gets the losses {@code [2]}, in the order of {@link #lossNames}
   */
  public void train(
      Ops ops,
      ImageBatch batch,
      List<Tensor> maps,
      Proposals proposals,
      GroundTruth groundTruth,
      long[] seeds,
      Tensor written) {
    RegionOps regions = new RegionOps(ops);
    Tensor candidates = withObjects(ops, proposals.boxes(), groundTruth.boxes());
    MatchSpec matching =
        new MatchSpec(config.boxFgIouThresh(), config.boxBgIouThresh(), MatchSpec.LowQuality.REFUSE)
            .ignoringBelow(config.boxBgIouMin());
    SampleSpec sampling =
        new SampleSpec(config.boxBatchSizePerImage(), config.boxPositiveFraction());
    Tensor matches = regions.match(matching, candidates, groundTruth);
    Selection sample = regions.compact(regions.sample(sampling, matches, seeds));
    SampleTargets targets =
        regions.regionTargets(BoxCoderSpec.BOX_HEAD, candidates, sample, matches, groundTruth);
    Tensor pooled = boxRoiPool.forward(ops, batch, maps, targets.rois());
    BoxPredictor.Output output = boxPredictor.forward(ops, boxHead.forward(ops, pooled));
    Losses losses = new Losses(ops);
    losses.softmaxCrossEntropy(output.logits(), targets.labels(), written.rows(0, 1));
    losses.smoothL1(
        SMOOTH_L1_BETA, output.deltas(), targets.targets(), targets.labels(), written.rows(1, 1));
  }

  /**
   * Places behind an image's last box or object hold a box of no extent, which is never sampled.
   */
  private static Tensor withObjects(Ops ops, Tensor proposals, Tensor objects) {
    long images = proposals.dim(0);
    Tensor joined =
        ops.concatColumns(
            List.of(
                proposals.reshape(images, proposals.dim(1) * 4),
                objects.reshape(images, objects.dim(1) * 4)));
    return joined.reshape(images, proposals.dim(1) + objects.dim(1), 4);
  }
}

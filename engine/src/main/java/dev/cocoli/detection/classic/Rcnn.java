package dev.cocoli.detection.classic;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.spec.Activation;
import dev.cocoli.backend.spec.BoxCoderSpec;
import dev.cocoli.detection.DetectionModel;
import dev.cocoli.detection.DetectionPart;
import dev.cocoli.detection.FittedHead;
import dev.cocoli.detection.Found;
import dev.cocoli.detection.GroundTruth;
import dev.cocoli.detection.Inputs;
import dev.cocoli.detection.PartListener;
import dev.cocoli.detection.backbone.RegionEncoder;
import dev.cocoli.detection.config.RcnnConfig;
import dev.cocoli.detection.config.StagesConfig;
import dev.cocoli.detection.head.RoiSampler;
import dev.cocoli.nn.ClassRows;
import dev.cocoli.nn.Linear;
import dev.cocoli.nn.Module;
import dev.cocoli.ops.Losses;
import dev.cocoli.ops.Ops;
import dev.cocoli.ops.RegionOps;
import dev.cocoli.ops.RegionOps.SampleTargets;
import dev.cocoli.ops.RegionOps.ScoredBoxes;
import dev.cocoli.ops.RegionOps.Selection;
import dev.cocoli.structures.Box;
import dev.cocoli.structures.Detection;
import dev.cocoli.structures.Target;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import java.awt.geom.AffineTransform;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * R-CNN (Girshick et al. 2014): runs the network on every region, scores what it says by a support
 * vector machine per class, and refines the region by a linear regression per class. In: images
 * {@code [h,w,3]} of any size with their proposals; out: detections in their pixels, or the loss of
 * the fine-tuned classifier.
 *
 * <p>Gradient descent trains the network and a classifier that only it needs; the machines and the
 * regressions are found afterwards from {@link #features}, and set.
 */
public final class Rcnn extends DetectionModel implements FittedHead {
  /** A detection with a shorter side, in pixels, is dropped, as with the younger detectors. */
  private static final float MIN_BOX_SIDE = 1e-2f;

  private final RcnnConfig config;
  private final WarpedRegions warp;
  private final RegionEncoder network;
  private final Linear classifier;
  private final Linear svm;
  private final Linear bboxPred;
  private final Counter finished = counter("finished");

  /**
   * Builds the model, without memory.
   *
   * @param network what describes a region
   * @param config hyper-parameters
   * @param classes K, the background included
   */
  public Rcnn(RegionEncoder network, RcnnConfig config, int classes) {
    super(classes);
    this.config = config;
    warp = new WarpedRegions(config.transform(), config.classic().warp());
    this.network = child("network", network);
    long features = network.outFeatures();
    classifier = perClass("classifier", features, classes, ClassRows.withBackground(1));
    svm = perClass("svm", features, classes - 1, ClassRows.withoutBackground(1));
    bboxPred = perClass("bbox_pred", features, 4L * (classes - 1), ClassRows.withoutBackground(4));
    svm.freeze();
    bboxPred.freeze();
  }

  private Linear perClass(String name, long features, long outputs, ClassRows rows) {
    return child(name, new Linear(features, outputs).ofClasses(rows));
  }

  /**
   * What describes a region.
   *
   * @return the network
   */
  public RegionEncoder network() {
    return network;
  }

  @Override
  public boolean needsProposals() {
    return true;
  }

  @Override
  public Optional<FittedHead> fittedHead() {
    return Optional.of(this);
  }

  @Override
  public StagesConfig stages() {
    return config.classic().stages();
  }

  @Override
  public List<Box> best(List<Box> regions) {
    return best(regions, config.classic().maxProposals());
  }

  @Override
  public int featureCount() {
    return Math.toIntExact(network.outFeatures());
  }

  /** {@return whether its machines and regressions are set} */
  @Override
  public boolean isFinished() {
    return finished.value() != 0;
  }

  @Override
  public void finish(
      Backend backend, float[] svmWeight, float[] svmBias, float[] bboxWeight, float[] bboxBias) {
    set(backend, svm, svmWeight, svmBias);
    set(backend, bboxPred, bboxWeight, bboxBias);
    finished.set(1);
  }

  @Override
  public void reopen() {
    finished.set(0);
  }

  private static void set(Backend backend, Linear linear, float[] weight, float[] bias) {
    backend.transfers().upload(weight, linear.namedParameters().get("weight").value());
    backend.transfers().upload(bias, linear.namedParameters().get("bias").value());
  }

  @Override
  public Tensor features(Ops ops, Tensor image, List<Box> regions) {
    Tensor images = warp.images(ops, List.of(image));
    Tensor all = ops.allocate(DType.F32, regions.size(), featureCount());
    int most = config.classic().warp().batch();
    for (int first = 0; first < regions.size(); first += most) {
      List<Box> some = regions.subList(first, Math.min(first + most, regions.size()));
      float[] rois = new float[5 * some.size()];
      for (int i = 0; i < some.size(); i++) {
        Box grown = warp.withContext(some.get(i));
        rois[5 * i + 1] = grown.x1();
        rois[5 * i + 2] = grown.y1();
        rois[5 * i + 3] = grown.x2();
        rois[5 * i + 4] = grown.y2();
      }
      Tensor warped = warp.warp(ops, images, ops.upload(rois, some.size(), 5));
      Tensor features = describe(ops, warped);
      ops.backend().copies().copy(features, all.rows(first, some.size()));
      ops.release(features);
    }
    ops.release(images);
    return all;
  }

  /** What the network says of warped regions, in fp32 whatever it computes in. */
  private Tensor describe(Ops ops, Tensor warped) {
    Tensor input = ops.cast(warped, ops.precision().activations());
    return ops.cast(network.forward(ops, input), DType.F32);
  }

  /**
   * {@inheritDoc}
   *
   * <p>A score is the logistic function of the machine's margin: it orders detections as the margin
   * does, and is over a half where the machine says yes, but is no calibrated probability. Images
   * go through one after the other, with a wait for the device each.
   *
   * @throws IllegalStateException if it is not {@link #isFinished}
   */
  @Override
  public List<List<Detection>> detect(Ops ops, Inputs inputs, PartListener parts) {
    if (!isFinished()) {
      throw new IllegalStateException(
          "this R-CNN has no support vector machines yet: resume its run");
    }
    List<List<Detection>> result = new ArrayList<>();
    for (int i = 0; i < inputs.images().size(); i++) {
      List<Box> regions = best(inputs.proposals().get(i));
      result.add(
          regions.isEmpty() ? List.of() : detect(ops, inputs.images().get(i), regions, parts));
    }
    return result;
  }

  private List<Detection> detect(Ops ops, Tensor image, List<Box> regions, PartListener parts) {
    long[] size = {image.dim(0), image.dim(1)};
    int foreground = classes() - 1;
    int candidates = regions.size() * foreground;
    Tensor features = features(ops, image, regions);
    parts.enqueued(ops, DetectionPart.FEATURES);
    Tensor margins = svm.forward(ops, features, Activation.NONE);
    Tensor deltas = bboxPred.forward(ops, features, Activation.NONE);
    RegionOps operations = new RegionOps(ops);
    // a region is the anchor of every class; so what decodes an RPN's proposals decodes these
    ScoredBoxes boxes =
        operations.decodeProposals(
            BoxCoderSpec.UNIT,
            deltas.reshape(1, candidates, 4),
            margins.reshape(1, candidates),
            everyClass(ops, regions, foreground),
            ops.upload(upTo(candidates, candidates), 1, candidates),
            ops.upload(new float[] {size[0], size[1]}, 1, 2),
            MIN_BOX_SIDE,
            config.boxHead().scoreThresh());
    Selection kept =
        operations.nms(
            config.boxHead().nmsThresh(),
            boxes,
            ops.upload(upTo(candidates, foreground), candidates),
            config.boxHead().detectionsPerImg());
    Found found =
        new Found(
            ops.gatherRows(boxes.boxes(), kept.indices()),
            ops.gatherRows(boxes.scores().reshape(1, candidates, 1), kept.indices()),
            kept.indices());
    List<Detection> result =
        found.download(ops, classes(), List.of(new AffineTransform())).getFirst();
    parts.enqueued(ops, DetectionPart.HEAD);
    return result;
  }

  private static Tensor everyClass(Ops ops, List<Box> regions, int foreground) {
    List<Box> repeated = new ArrayList<>(regions.size() * foreground);
    for (Box region : regions) {
      for (int i = 0; i < foreground; i++) {
        repeated.add(region);
      }
    }
    return upload(ops, List.of(repeated), repeated.size()).reshape(repeated.size(), 4);
  }

  /** 0, 1, 2, ... counted anew after every so many. */
  private static int[] upTo(int count, int every) {
    int[] numbers = new int[count];
    for (int i = 0; i < count; i++) {
      numbers[i] = i % every;
    }
    return numbers;
  }

  @Override
  public List<String> lossNames() {
    return List.of("loss_classifier");
  }

  /**
   * {@inheritDoc}
   *
   * <p>The objects themselves are among the regions that are drawn.
   */
  @Override
  public Tensor loss(Ops ops, Inputs inputs, List<Target> targets, long seed) {
    requireSameCount(inputs, targets);
    int images = targets.size();
    Tensor losses = ops.allocate(DType.F32, 1);
    GroundTruth groundTruth = GroundTruth.upload(ops, targets);
    List<List<Box>> regions = new ArrayList<>();
    List<List<Box>> grown = new ArrayList<>();
    for (int i = 0; i < images; i++) {
      List<Box> all = new ArrayList<>(best(inputs.proposals().get(i)));
      all.addAll(targets.get(i).boxes());
      regions.add(all);
      grown.add(all.stream().map(warp::withContext).toList());
    }
    int most = most(regions);
    Tensor candidates = upload(ops, regions, most);
    RoiSampler.Sample sample =
        new RoiSampler(config.sampling())
            .sample(ops, candidates, groundTruth, seeds(seed, 1, images));
    SampleTargets learn = sample.targets(ops, BoxCoderSpec.UNIT);
    Tensor rois = grown(ops, upload(ops, grown, most), sample.selection(), learn);
    Tensor warped = warp.warp(ops, warp.images(ops, inputs.images()), rois);
    Tensor features = describe(ops, warped);
    Tensor logits = classifier.forward(ops, features, Activation.NONE);
    new Losses(ops).softmaxCrossEntropy(logits, learn.labels(), losses);
    return losses;
  }

  /** The sample's regions, grown: the numbers of their images are those of the regions. */
  private static Tensor grown(Ops ops, Tensor all, Selection sample, SampleTargets learn) {
    long rows = learn.rois().dim(0);
    Tensor boxes = ops.gatherRows(all, sample.indices()).reshape(rows, 4);
    Tensor numbers = ops.allocate(DType.F32, rows, 1);
    ops.backend().copies().copyColumns(learn.rois(), 0, numbers, 0, 1);
    return ops.concatColumns(List.of(numbers, boxes));
  }

  @Override
  protected Optional<Module> pretrained() {
    return network.pretrained();
  }
}

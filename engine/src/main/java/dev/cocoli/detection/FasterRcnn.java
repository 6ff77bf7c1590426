package dev.cocoli.detection;

import dev.cocoli.detection.backbone.Backbone;
import dev.cocoli.detection.backbone.Vgg;
import dev.cocoli.detection.head.AnchorGenerator;
import dev.cocoli.detection.head.Proposals;
import dev.cocoli.detection.head.RegionProposalNetwork;
import dev.cocoli.detection.head.RegionProposalNetwork.ScoredMaps;
import dev.cocoli.detection.head.RoiHeads;
import dev.cocoli.detection.head.RoiPooler;
import dev.cocoli.nn.Module;
import dev.cocoli.ops.Ops;
import dev.cocoli.ops.RegionOps.GroundTruth;
import dev.cocoli.structures.Detection;
import dev.cocoli.structures.Target;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Faster R-CNN (Ren et al. 2015; torchvision's {@code FasterRCNN}), over a feature pyramid (Lin et
 * al. 2017) or one map: proposes regions, then classifies and refines them. In: images {@code
 * [h,w,3]} of any size; out: detections in their pixels, or losses.
 */
public final class FasterRcnn extends DetectionModel {
  private final ImageTransform transform;
  private final Backbone backbone;
  private final RegionProposalNetwork rpn;
  private final RoiHeads roiHeads;

  /**
   * Builds the model, without memory.
   *
   * @param backbone what makes its maps
   * @param anchors the anchors on these
   * @param boxRoiPool how regions are pooled from them
   * @param config hyper-parameters
   * @param classes K, the background included
   */
  FasterRcnn(
      Backbone backbone,
      AnchorGenerator anchors,
      RoiPooler boxRoiPool,
      DetectorConfig config,
      int classes) {
    super(config, classes);
    transform = new ImageTransform(config);
    this.backbone = child("backbone", backbone);
    rpn = child("rpn", new RegionProposalNetwork(config, backbone.outChannels(), anchors));
    roiHeads =
        child("roi_heads", new RoiHeads(config, backbone.outChannels(), boxRoiPool, classes));
  }

  /** {@return how images become batches} */
  public ImageTransform transform() {
    return transform;
  }

  /** {@return what makes feature maps} */
  public Backbone backbone() {
    return backbone;
  }

  /** {@return what proposes regions} */
  public RegionProposalNetwork rpn() {
    return rpn;
  }

  /**
   * {@return the objects in each image, the best first; one wait for the device}
   *
   * @param ops a forward pass that records nothing
   * @param images one {@code [h,w,3]} or more, U8 from 0 to 255 or F32 from 0 to 1
   */
  public List<List<Detection>> detect(Ops ops, List<Tensor> images) {
    return detect(ops, Inputs.of(images), PartListener.NONE);
  }

  @Override
  public List<List<Detection>> detect(Ops ops, Inputs inputs, PartListener parts) {
    ImageBatch batch = transform.forward(ops, inputs.images());
    ScoredMaps maps = maps(ops, batch);
    parts.enqueued(ops, DetectionPart.FEATURES);
    Proposals proposals = rpn.propose(ops, batch, maps);
    parts.enqueued(ops, DetectionPart.PROPOSALS);
    Found found = roiHeads.detect(ops, batch, maps.maps(), proposals);
    List<List<Detection>> result = read(ops, found, batch.sizes(), batch.originalSizes());
    parts.enqueued(ops, DetectionPart.HEAD);
    return result;
  }

  @Override
  public List<String> lossNames() {
    return Stream.concat(roiHeads.lossNames().stream(), rpn.lossNames().stream()).toList();
  }

  /**
   * Runs the forward pass of a training step and records its losses on the tape.
   *
   * @param ops a forward pass that records
   * @param images one {@code [h,w,3]} or more, U8 from 0 to 255 or F32 from 0 to 1
   * @param targets the objects of each image, in its pixels
   * @param seed of the samplers
   * @return the losses {@code [L]}, in the order of {@link #lossNames}; read them before the scope
   *     closes
   */
  public Tensor loss(Ops ops, List<Tensor> images, List<Target> targets, long seed) {
    return loss(ops, Inputs.of(images), targets, seed);
  }

  @Override
  public Tensor loss(Ops ops, Inputs inputs, List<Target> targets, long seed) {
    requireSameCount(inputs, targets);
    int images = targets.size();
    int ofRoiHeads = roiHeads.lossNames().size();
    Tensor losses = ops.allocate(DType.F32, lossNames().size());
    ImageBatch batch = transform.forward(ops, inputs.images());
    GroundTruth groundTruth = groundTruth(ops, targets, batch.originalSizes(), batch.sizes());
    ScoredMaps maps = maps(ops, batch);
    Proposals proposals =
        rpn.train(
            ops,
            batch,
            maps,
            groundTruth,
            seeds(seed, 0, images),
            losses.rows(ofRoiHeads, rpn.lossNames().size()));
    roiHeads.train(
        ops,
        batch,
        maps.maps(),
        proposals,
        groundTruth,
        seeds(seed, 1, images),
        losses.rows(0, ofRoiHeads));
    return losses;
  }

  /** All that depends on the size of the images alone. */
  private ScoredMaps maps(Ops ops, ImageBatch batch) {
    return ScoredMaps.of(
        ops.captured(
            this,
            images(ops, batch),
            (part, images) -> rpn.score(part, backbone.forward(part, images)).toList()));
  }

  @Override
  protected Module pretrained() {
    return backbone.pretrained();
  }

  @Override
  protected Optional<Module> pretrainedHead() {
    return backbone instanceof Vgg ? Optional.of(roiHeads.boxHead()) : Optional.empty();
  }
}

package dev.cocoli.detection;

import dev.cocoli.detection.backbone.Backbone;
import dev.cocoli.detection.head.FeatureMaps;
import dev.cocoli.detection.head.Proposals;
import dev.cocoli.detection.head.RegionProposalNetwork;
import dev.cocoli.detection.head.RegionProposalNetwork.ScoredMaps;
import dev.cocoli.detection.head.RoiHeads;
import dev.cocoli.nn.Module;
import dev.cocoli.ops.Ops;
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
   * Composes the model, without memory.
   *
   * @param transform how images become batches
   * @param backbone what makes feature maps
   * @param rpn what proposes regions on them
   * @param roiHeads what classifies and refines these
   */
  public FasterRcnn(
      ImageTransform transform, Backbone backbone, RegionProposalNetwork rpn, RoiHeads roiHeads) {
    super(roiHeads.box().classes());
    this.transform = transform;
    this.backbone = child("backbone", backbone);
    this.rpn = child("rpn", rpn);
    this.roiHeads = child("roi_heads", roiHeads);
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

  @Override
  public List<List<Detection>> detect(Ops ops, Inputs inputs, PartListener parts) {
    ImageBatch batch = transform.forward(ops, inputs.images());
    ScoredMaps maps = maps(ops, batch);
    parts.enqueued(ops, DetectionPart.FEATURES);
    Proposals proposals = rpn.propose(ops, batch, maps);
    parts.enqueued(ops, DetectionPart.PROPOSALS);
    Found found = roiHeads.detect(ops, new FeatureMaps(batch, maps.maps()), proposals);
    List<List<Detection>> result = found.download(ops, classes(), batch.toOriginals());
    parts.enqueued(ops, DetectionPart.HEAD);
    return result;
  }

  @Override
  public List<String> lossNames() {
    return Stream.concat(roiHeads.lossNames().stream(), rpn.lossNames().stream()).toList();
  }

  @Override
  public Tensor loss(Ops ops, Inputs inputs, List<Target> targets, long seed) {
    requireSameCount(inputs, targets);
    int images = targets.size();
    int ofRoiHeads = roiHeads.lossNames().size();
    int ofRpn = rpn.lossNames().size();
    Tensor losses = ops.allocate(DType.F32, ofRoiHeads + ofRpn);
    ImageBatch batch = transform.forward(ops, inputs.images());
    GroundTruth groundTruth = batch.groundTruth(ops, targets);
    ScoredMaps maps = maps(ops, batch);
    Proposals proposals =
        rpn.train(
            ops, batch, maps, groundTruth, seeds(seed, 0, images), losses.rows(ofRoiHeads, ofRpn));
    roiHeads.train(
        ops,
        new FeatureMaps(batch, maps.maps()),
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
  protected Optional<Module> pretrained() {
    return backbone.pretrained();
  }

  @Override
  protected Optional<Module> pretrainedHead() {
    return Optional.of(roiHeads.box().head());
  }
}

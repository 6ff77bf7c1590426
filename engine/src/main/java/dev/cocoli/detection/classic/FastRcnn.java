package dev.cocoli.detection.classic;

import dev.cocoli.detection.DetectionModel;
import dev.cocoli.detection.DetectionPart;
import dev.cocoli.detection.Found;
import dev.cocoli.detection.GroundTruth;
import dev.cocoli.detection.ImageBatch;
import dev.cocoli.detection.ImageTransform;
import dev.cocoli.detection.Inputs;
import dev.cocoli.detection.PartListener;
import dev.cocoli.detection.backbone.Backbone;
import dev.cocoli.detection.head.FeatureMaps;
import dev.cocoli.detection.head.Proposals;
import dev.cocoli.detection.head.RoiHeads;
import dev.cocoli.nn.Module;
import dev.cocoli.ops.Ops;
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
 * Fast R-CNN (Girshick 2015): runs the network once per image, and classifies and refines regions
 * that are found elsewhere. In: images {@code [h,w,3]} of any size with their proposals; out:
 * detections in their pixels, or losses.
 */
public final class FastRcnn extends DetectionModel {
  private final ImageTransform transform;
  private final Backbone backbone;
  private final RoiHeads roiHeads;
  private final long maxProposals;

  /**
   * Composes the model, without memory.
   *
   * @param transform how images become batches
   * @param backbone what makes feature maps
   * @param roiHeads what classifies and refines regions
   * @param maxProposals regions that are taken of an image, the best first
   */
  public FastRcnn(
      ImageTransform transform, Backbone backbone, RoiHeads roiHeads, long maxProposals) {
    super(roiHeads.box().classes());
    this.transform = transform;
    this.maxProposals = maxProposals;
    this.backbone = child("backbone", backbone);
    this.roiHeads = child("roi_heads", roiHeads);
  }

  @Override
  public boolean needsProposals() {
    return true;
  }

  /** {@return what makes the feature map} */
  public Backbone backbone() {
    return backbone;
  }

  @Override
  public List<List<Detection>> detect(Ops ops, Inputs inputs, PartListener parts) {
    ImageBatch batch = transform.forward(ops, inputs.images());
    Proposals proposals = upload(ops, batch, inputs.proposals());
    List<Tensor> maps = ops.captured(this, images(ops, batch), backbone::forward);
    parts.enqueued(ops, DetectionPart.FEATURES);
    Found found = roiHeads.detect(ops, new FeatureMaps(batch, maps), proposals);
    List<List<Detection>> result = found.download(ops, classes(), batch.toOriginals());
    parts.enqueued(ops, DetectionPart.HEAD);
    return result;
  }

  @Override
  public List<String> lossNames() {
    return roiHeads.lossNames();
  }

  @Override
  public Tensor loss(Ops ops, Inputs inputs, List<Target> targets, long seed) {
    requireSameCount(inputs, targets);
    Tensor losses = ops.allocate(DType.F32, lossNames().size());
    ImageBatch batch = transform.forward(ops, inputs.images());
    GroundTruth groundTruth = batch.groundTruth(ops, targets);
    Proposals proposals = upload(ops, batch, inputs.proposals());
    List<Tensor> maps = ops.captured(this, images(ops, batch), backbone::forward);
    roiHeads.train(
        ops,
        new FeatureMaps(batch, maps),
        proposals,
        groundTruth,
        seeds(seed, 1, targets.size()),
        losses);
    return losses;
  }

  /** The best regions of each image, in pixels of the resized one. */
  private Proposals upload(Ops ops, ImageBatch batch, List<List<Box>> regions) {
    List<List<Box>> scaled = new ArrayList<>();
    int[] counts = new int[regions.size()];
    List<AffineTransform> moves = batch.fromOriginals();
    for (int image = 0; image < counts.length; image++) {
      List<Box> best = best(regions.get(image), maxProposals);
      counts[image] = best.size();
      AffineTransform move = moves.get(image);
      scaled.add(best.stream().map(region -> region.moved(move)).toList());
    }
    return new Proposals(upload(ops, scaled, most(scaled)), ops.upload(counts, counts.length));
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

package dev.cocoli.detection.classic;

import dev.cocoli.detection.DetectionModel;
import dev.cocoli.detection.DetectionPart;
import dev.cocoli.detection.DetectorConfig;
import dev.cocoli.detection.ImageBatch;
import dev.cocoli.detection.ImageTransform;
import dev.cocoli.detection.Inputs;
import dev.cocoli.detection.PartListener;
import dev.cocoli.detection.backbone.Backbone;
import dev.cocoli.detection.backbone.Vgg;
import dev.cocoli.detection.head.Proposals;
import dev.cocoli.detection.head.RoiHeads;
import dev.cocoli.detection.head.RoiPooler;
import dev.cocoli.nn.Module;
import dev.cocoli.ops.Ops;
import dev.cocoli.ops.RegionOps.GroundTruth;
import dev.cocoli.structures.Box;
import dev.cocoli.structures.Detection;
import dev.cocoli.structures.Target;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Fast R-CNN (Girshick 2015): runs the network once an image, and classifies and refines regions
 * that are found elsewhere. In: images {@code [h,w,3]} of any size with their proposals; out:
 * detections in their pixels, or losses.
 */
public final class FastRcnn extends DetectionModel {
  private final ImageTransform transform;
  private final Backbone backbone;
  private final RoiHeads roiHeads;

  /**
   * Builds the model, without memory.
   *
   * @param backbone what makes its map
   * @param boxRoiPool how regions are pooled from it
   * @param config hyper-parameters
   * @param classes K, the background included
   */
  public FastRcnn(Backbone backbone, RoiPooler boxRoiPool, DetectorConfig config, int classes) {
    super(config, classes);
    transform = new ImageTransform(config);
    this.backbone = child("backbone", backbone);
    roiHeads =
        child("roi_heads", new RoiHeads(config, backbone.outChannels(), boxRoiPool, classes));
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
    Found found = roiHeads.detect(ops, batch, maps, proposals);
    List<List<Detection>> result = read(ops, found, batch.sizes(), batch.originalSizes());
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
    GroundTruth groundTruth = groundTruth(ops, targets, batch.originalSizes(), batch.sizes());
    Proposals proposals = upload(ops, batch, inputs.proposals());
    List<Tensor> maps = ops.captured(this, images(ops, batch), backbone::forward);
    roiHeads.train(
        ops, batch, maps, proposals, groundTruth, seeds(seed, 1, targets.size()), losses);
    return losses;
  }

  /** The best regions of each image, in pixels of the resized one. */
  private Proposals upload(Ops ops, ImageBatch batch, List<List<Box>> regions) {
    List<List<Box>> scaled = new ArrayList<>();
    int[] counts = new int[regions.size()];
    for (int image = 0; image < counts.length; image++) {
      List<Box> best = best(regions.get(image));
      counts[image] = best.size();
      scaled.add(
          ImageTransform.scale(best, batch.originalSizes().get(image), batch.sizes().get(image)));
    }
    return new Proposals(upload(ops, scaled, most(scaled)), ops.upload(counts, counts.length));
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

package dev.cocoli.detection;

import dev.cocoli.backend.SampleKey;
import dev.cocoli.detection.backbone.ResNetConfig;
import dev.cocoli.detection.backbone.ResNetFpn;
import dev.cocoli.nn.Module;
import dev.cocoli.nn.Norm;
import dev.cocoli.ops.Ops;
import dev.cocoli.ops.RegionOps.Truth;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Shape;
import dev.cocoli.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * Faster R-CNN with a feature pyramid (Ren et al. 2015, Lin et al. 2017; torchvision's {@code
 * FasterRCNN}): proposes regions, then classifies and refines them. In: pictures {@code [h,w,3]} of
 * any size; out: detections in their pixels, or losses.
 */
public final class FasterRcnn extends Module {
  private final FasterRcnnConfig config;
  private final int classes;
  private final ImageTransform transform;
  private final ResNetFpn backbone;
  private final RegionProposalNetwork rpn;
  private final RoiHeads roiHeads;

  /**
   * Builds the model, without memory.
   *
   * @param resNet the backbone
   * @param norm its normalisations
   * @param config hyper-parameters
   * @param classes K, the background included
   */
  public FasterRcnn(ResNetConfig resNet, Norm.Type norm, FasterRcnnConfig config, int classes) {
    if (classes < 2) {
      throw new IllegalArgumentException("a detector needs at least one class and the background");
    }
    this.config = config;
    this.classes = classes;
    transform = new ImageTransform(config);
    backbone =
        child(
            "backbone",
            new ResNetFpn(
                resNet,
                channels -> norm.create(channels, config.batchNormEps()),
                config.trainableBackboneLayers(),
                config.fpnOutChannels()));
    rpn = child("rpn", new RegionProposalNetwork(config));
    roiHeads = child("roi_heads", new RoiHeads(config, classes));
  }

  /** {@return its hyper-parameters} */
  public FasterRcnnConfig config() {
    return config;
  }

  /** {@return the number of classes, the background included} */
  public int classes() {
    return classes;
  }

  /** {@return how pictures become batches} */
  public ImageTransform transform() {
    return transform;
  }

  /** {@return what makes feature maps} */
  public ResNetFpn backbone() {
    return backbone;
  }

  /** {@return what proposes regions} */
  public RegionProposalNetwork rpn() {
    return rpn;
  }

  /**
   * {@return the objects in each picture, the best first; one wait for the device}
   *
   * @param ops a forward pass that records nothing
   * @param pictures one {@code [h,w,3]} or more, U8 from 0 to 255 or F32 from 0 to 1
   */
  public List<List<Detection>> detect(Ops ops, List<Tensor> pictures) {
    ImageBatch batch = transform.forward(ops, pictures);
    List<Tensor> maps = maps(ops, batch);
    Proposals proposals = rpn.propose(ops, batch, maps);
    return read(ops, batch, roiHeads.detect(ops, batch, maps, proposals));
  }

  private List<Tensor> maps(Ops ops, ImageBatch batch) {
    Tensor images = ops.cast(batch.images(), ops.precision().activations());
    if (images != batch.images()) {
      ops.release(batch.images());
    }
    return backbone.forward(ops, images);
  }

  private List<List<Detection>> read(Ops ops, ImageBatch batch, RoiHeads.Found found) {
    int images = batch.sizes().size();
    int most = Math.toIntExact(found.indices().dim(1));
    int places = images * most;
    Tensor packed = ops.allocate(DType.F32, 6L * places);
    ops.backend().copy(found.boxes(), packed.view(0, Shape.of(4L * places), DType.F32));
    ops.backend().copy(found.scores(), packed.view(16L * places, Shape.of(places), DType.F32));
    ops.backend().copy(found.indices(), packed.view(20L * places, Shape.of(places), DType.I32));
    float[] values = ops.download(packed);
    List<List<Detection>> result = new ArrayList<>();
    for (int image = 0; image < images; image++) {
      List<Box> boxes = new ArrayList<>();
      List<Integer> labels = new ArrayList<>();
      List<Float> scores = new ArrayList<>();
      for (int place = image * most; place < (image + 1) * most; place++) {
        int index = Float.floatToRawIntBits(values[5 * places + place]);
        if (index < 0) {
          break;
        }
        int at = 4 * place;
        boxes.add(new Box(values[at], values[at + 1], values[at + 2], values[at + 3]));
        labels.add(index % (classes - 1) + 1);
        scores.add(values[4 * places + place]);
      }
      List<Box> scaled =
          ImageTransform.scale(boxes, batch.sizes().get(image), batch.originalSizes().get(image));
      List<Detection> detections = new ArrayList<>();
      for (int i = 0; i < scaled.size(); i++) {
        detections.add(new Detection(scaled.get(i), labels.get(i), scores.get(i)));
      }
      result.add(detections);
    }
    return result;
  }

  /**
   * Runs the forward pass of a training step and records its losses on the tape.
   *
   * @param ops a forward pass that records
   * @param pictures one {@code [h,w,3]} or more, U8 from 0 to 255 or F32 from 0 to 1
   * @param targets the objects of each picture, in its pixels
   * @param seed of the samplers
   * @return the losses {@code [4]}, in the order of {@link LossValues}; read them before the scope
   *     closes
   */
  public Tensor loss(Ops ops, List<Tensor> pictures, List<Target> targets, long seed) {
    if (pictures.size() != targets.size()) {
      throw new IllegalArgumentException(
          pictures.size() + " pictures with " + targets.size() + " targets");
    }
    Tensor losses = ops.allocate(DType.F32, 4);
    ImageBatch batch = transform.forward(ops, pictures);
    Truth truth = truth(ops, batch, targets);
    List<Tensor> maps = maps(ops, batch);
    Proposals proposals =
        rpn.train(
            ops,
            batch,
            maps,
            truth,
            seeds(seed, 0, pictures.size()),
            losses.rows(2, 1),
            losses.rows(3, 1));
    roiHeads.train(
        ops,
        batch,
        maps,
        proposals,
        truth,
        seeds(seed, 1, pictures.size()),
        losses.rows(0, 1),
        losses.rows(1, 1));
    return losses;
  }

  /**
   * {@return what a tensor of {@link #loss} holds; waits for the device}
   *
   * @param ops the forward pass
   * @param losses the tensor
   */
  public static LossValues read(Ops ops, Tensor losses) {
    float[] values = ops.download(losses);
    return new LossValues(values[0], values[1], values[2], values[3]);
  }

  private static long[] seeds(long seed, int stage, int images) {
    long[] seeds = new long[images];
    for (int i = 0; i < images; i++) {
      seeds[i] = SampleKey.mix(seed * 2 + stage + ((long) i << 32));
    }
    return seeds;
  }

  private static Truth truth(Ops ops, ImageBatch batch, List<Target> targets) {
    int images = targets.size();
    int most = targets.stream().mapToInt(target -> target.boxes().size()).max().orElse(0);
    float[] boxes = new float[images * most * 4];
    int[] labels = new int[images * most];
    int[] counts = new int[images];
    for (int image = 0; image < images; image++) {
      Target target = targets.get(image);
      List<Box> scaled =
          ImageTransform.scale(
              target.boxes(), batch.originalSizes().get(image), batch.sizes().get(image));
      counts[image] = scaled.size();
      for (int i = 0; i < scaled.size(); i++) {
        Box box = scaled.get(i);
        int at = 4 * (image * most + i);
        boxes[at] = box.x1();
        boxes[at + 1] = box.y1();
        boxes[at + 2] = box.x2();
        boxes[at + 3] = box.y2();
        labels[image * most + i] = target.labels()[i];
      }
    }
    return new Truth(
        ops.upload(boxes, images, most, 4),
        ops.upload(labels, images, most),
        ops.upload(counts, images));
  }
}

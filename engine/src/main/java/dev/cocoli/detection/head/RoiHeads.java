package dev.cocoli.detection.head;

import dev.cocoli.detection.Found;
import dev.cocoli.detection.GroundTruth;
import dev.cocoli.nn.Module;
import dev.cocoli.ops.Ops;
import dev.cocoli.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Classifies and refines proposals (Girshick 2015; torchvision's {@code RoIHeads}): a sampler, the
 * branch that finds boxes, and others that say more of them. In: maps and proposals {@code
 * [N,M,4]}; out: scored boxes of every class, and in training the branches' losses. A subclass,
 * such as a cascade of stages, may lie outside this library.
 */
public class RoiHeads extends Module {
  private final RoiSampler sampler;
  private final BoxBranch box;
  private final List<RoiBranch> others;
  private final List<RoiBranch> branches = new ArrayList<>();

  /**
   * Builds the heads.
   *
   * @param sampler draws what they are trained on
   * @param box finds boxes
   * @param others what else is learned of regions
   */
  @SuppressWarnings("this-escape") // child() is final and calls nothing of a subclass
  public RoiHeads(RoiSampler sampler, BoxBranch box, RoiBranch... others) {
    this.sampler = sampler;
    this.box = box;
    this.others = List.of(others);
    branches.add(box);
    branches.addAll(this.others);
    for (RoiBranch branch : branches) {
      for (Map.Entry<String, Module> module : branch.modules().entrySet()) {
        child(module.getKey(), module.getValue());
      }
    }
  }

  /** {@return the branch that finds boxes} */
  public final BoxBranch box() {
    return box;
  }

  /** {@return the names of its losses, branch by branch} */
  public List<String> lossNames() {
    return branches.stream().flatMap(branch -> branch.lossNames().stream()).toList();
  }

  /**
   * Records the losses of a sample of proposals, to which the objects themselves are added.
   *
   * @param ops the forward pass
   * @param features what regions are pooled from; not released
   * @param proposals regions that may hold an object
   * @param groundTruth the objects
   * @param seeds of the sampler, one per image
   * @param losses {@code [L]} in the order of {@link #lossNames}, to be written
   */
  public void train(
      Ops ops,
      FeatureMaps features,
      Proposals proposals,
      GroundTruth groundTruth,
      long[] seeds,
      Tensor losses) {
    RoiSampler.Sample sample = sampler.sample(ops, proposals, groundTruth, seeds);
    int at = 0;
    for (RoiBranch branch : branches) {
      int count = branch.lossNames().size();
      branch.train(ops, features, sample, losses.rows(at, count));
      at += count;
    }
  }

  /**
   * {@return suppressed detections, sorted}
   *
   * @param ops a forward pass that records nothing
   * @param features what regions are pooled from; its maps are released
   * @param proposals the regions to classify
   */
  public Found detect(Ops ops, FeatureMaps features, Proposals proposals) {
    long images = proposals.boxes().dim(0);
    long perImage = proposals.boxes().dim(1);
    Tensor rois = withImageNumbers(ops, proposals.boxes());
    Tensor pooled = box.pool(ops, features, rois);
    if (others.isEmpty()) {
      features.maps().forEach(ops::release); // nobody needs them any more
    }
    Found found =
        box.detect(
            ops, features.batch(), rois.reshape(images, perImage, 5), box.predict(ops, pooled));
    for (RoiBranch branch : others) {
      found = branch.detect(ops, features, found);
    }
    if (!others.isEmpty()) {
      features.maps().forEach(ops::release);
    }
    return found;
  }

  /**
   * {@return boxes {@code [N,M,4]} as regions {@code [N*M,5]}}
   *
   * @param ops runs the operations
   * @param boxes the boxes of each image
   */
  public static Tensor withImageNumbers(Ops ops, Tensor boxes) {
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
}

package dev.cocoli.detection;

import dev.cocoli.ops.Ops;
import dev.cocoli.structures.Box;
import dev.cocoli.structures.Target;
import dev.cocoli.tensor.Tensor;
import java.util.List;

/**
 * The objects of a batch, with their boxes and labels on the device. A branch of the heads that
 * learns more of them uploads that itself, from the targets.
 *
 * @param targets the objects of each image, in pixels of the resized image
 * @param boxes {@code [N,G,4]}
 * @param labels I32 {@code [N,G]}
 * @param counts I32 {@code [N]}
 */
public record GroundTruth(List<Target> targets, Tensor boxes, Tensor labels, Tensor counts) {

  /**
   * {@return the objects of a batch, uploaded}
   *
   * @param ops the forward pass
   * @param targets the objects of each image, in pixels of the resized image
   */
  public static GroundTruth upload(Ops ops, List<Target> targets) {
    int images = targets.size();
    int most = targets.stream().mapToInt(target -> target.objects().size()).max().orElse(0);
    int[] countsAndLabels = new int[images + images * most];
    for (int image = 0; image < images; image++) {
      int[] own = targets.get(image).labels();
      countsAndLabels[image] = own.length;
      System.arraycopy(own, 0, countsAndLabels, images + image * most, own.length);
    }
    List<List<Box>> boxes = targets.stream().map(Target::boxes).toList();
    Tensor both = ops.upload(countsAndLabels, countsAndLabels.length);
    return new GroundTruth(
        targets,
        DetectionModel.upload(ops, boxes, most),
        both.rows(images, (long) images * most).reshape(images, most),
        both.rows(0, images));
  }
}

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
    int[] labels = new int[images * most];
    int[] counts = new int[images];
    for (int image = 0; image < images; image++) {
      int[] own = targets.get(image).labels();
      counts[image] = own.length;
      System.arraycopy(own, 0, labels, image * most, own.length);
    }
    List<List<Box>> boxes = targets.stream().map(Target::boxes).toList();
    return new GroundTruth(
        targets,
        DetectionModel.upload(ops, boxes, most),
        ops.upload(labels, images, most),
        ops.upload(counts, images));
  }
}

package dev.cocoli.detection;

import dev.cocoli.ops.Ops;
import dev.cocoli.structures.Target;
import dev.cocoli.tensor.Tensor;
import java.awt.geom.AffineTransform;
import java.util.ArrayList;
import java.util.List;

/**
 * Images of several sizes in one tensor.
 *
 * @param images {@code [N,H,W,3]}, normalised, 0 right of and below each image
 * @param imageSizes {@code [N,2]}: height and width of each image in it
 * @param sizes the same on the host
 * @param originalSizes height and width of each image before it was resized
 */
public record ImageBatch(
    Tensor images, Tensor imageSizes, List<long[]> sizes, List<long[]> originalSizes) {

  /** {@return for each image, where the points of the image before it was resized are in it} */
  public List<AffineTransform> fromOriginals() {
    return scales(originalSizes, sizes);
  }

  /** {@return for each image, where its points are in the image before it was resized} */
  public List<AffineTransform> toOriginals() {
    return scales(sizes, originalSizes);
  }

  /** The ratios are rounded to fp32, as torchvision's are. */
  private static List<AffineTransform> scales(List<long[]> from, List<long[]> to) {
    List<AffineTransform> scales = new ArrayList<>();
    for (int i = 0; i < from.size(); i++) {
      float y = (float) to.get(i)[0] / (float) from.get(i)[0];
      float x = (float) to.get(i)[1] / (float) from.get(i)[1];
      scales.add(AffineTransform.getScaleInstance(x, y));
    }
    return scales;
  }

  /**
   * {@return the objects of each image, uploaded}
   *
   * @param ops the forward pass
   * @param targets the objects, in pixels of the images before they were resized
   */
  public GroundTruth groundTruth(Ops ops, List<Target> targets) {
    List<AffineTransform> moves = fromOriginals();
    List<Target> resized = new ArrayList<>();
    for (int i = 0; i < targets.size(); i++) {
      resized.add(targets.get(i).moved(moves.get(i)));
    }
    return GroundTruth.upload(ops, resized);
  }
}

package dev.cocoli.eval;

import dev.cocoli.structures.Box;
import java.util.Arrays;
import java.util.List;

/**
 * Measures how well proposals cover the objects of images. For each object it keeps the highest IoU
 * with any proposal of the image, whatever the proposal's rank. Images are added one by one, in any
 * order.
 */
public final class ProposalRecall {
  private double[] overlaps = new double[64];
  private int objects;
  private int images;
  private long proposals;

  /** Creates one without images. */
  public ProposalRecall() {}

  /**
   * Adds an image.
   *
   * @param groundTruth the objects on it, in pixels
   * @param found the proposals, in the same pixels
   */
  public void add(List<Box> groundTruth, List<Box> found) {
    images++;
    proposals += found.size();
    for (Box object : groundTruth) {
      double best = 0;
      for (Box proposal : found) {
        best = Math.max(best, iou(object, proposal));
      }
      if (objects == overlaps.length) {
        overlaps = Arrays.copyOf(overlaps, 2 * objects);
      }
      overlaps[objects++] = best;
    }
  }

  private static double iou(Box one, Box other) {
    double width = Math.min(one.x2(), other.x2()) - Math.max(one.x1(), other.x1());
    double height = Math.min(one.y2(), other.y2()) - Math.max(one.y1(), other.y1());
    if (width <= 0 || height <= 0) {
      return 0;
    }
    double both = width * height;
    return both / (area(one) + area(other) - both);
  }

  private static double area(Box box) {
    return (double) box.width() * box.height();
  }

  /** {@return the number of images} */
  public int images() {
    return images;
  }

  /** {@return the number of proposals on all images} */
  public long proposals() {
    return proposals;
  }

  /** {@return the number of objects on all images} */
  public int objects() {
    return objects;
  }

  /**
   * {@return the number of objects that a proposal covers}
   *
   * @param iou the least IoU that counts
   */
  public int found(double iou) {
    return (int) Arrays.stream(overlaps, 0, objects).filter(overlap -> overlap >= iou).count();
  }

  /**
   * {@return the fraction of objects that a proposal covers; NaN without objects}
   *
   * @param iou the least IoU that counts
   */
  public double recall(double iou) {
    return (double) found(iou) / objects;
  }

  /** {@return the mean of the objects' best IoU; NaN without objects} */
  public double meanBestOverlap() {
    return Arrays.stream(overlaps, 0, objects).sum() / objects;
  }
}

package dev.cocoli.eval;

import dev.cocoli.structures.Box;

/**
 * A rectangle in COCO's form (corner, width, height), in double precision and in pixels of its
 * image.
 *
 * @param x left edge
 * @param y upper edge
 * @param width extent along x
 * @param height extent along y
 */
public record CocoBox(double x, double y, double width, double height) {

  /** Checks that the four numbers are finite. */
  public CocoBox {
    if (!(Double.isFinite(x)
        && Double.isFinite(y)
        && Double.isFinite(width)
        && Double.isFinite(height))) {
      throw new IllegalArgumentException(
          "a box needs four finite numbers: [" + x + ", " + y + ", " + width + ", " + height + "]");
    }
  }

  /**
   * Converts corners to COCO's form, in double arithmetic.
   *
   * @param box the corners
   * @return the same rectangle
   */
  public static CocoBox of(Box box) {
    double x = box.x1();
    double y = box.y1();
    return new CocoBox(x, y, box.x2() - x, box.y2() - y);
  }

  /** {@return width times height, in square pixels} */
  public double area() {
    return width * height;
  }

  /** The area of the intersection; 0 if the boxes do not overlap (bbIou in COCO's maskApi.c). */
  double intersection(CocoBox other) {
    double w = Math.min(width + x, other.width + other.x) - Math.max(x, other.x);
    double h = Math.min(height + y, other.height + other.y) - Math.max(y, other.y);
    return w <= 0 || h <= 0 ? 0 : w * h;
  }
}

package dev.cocoli.eval;

/**
 * One object of the ground truth.
 *
 * @param imageId the image
 * @param categoryId the class
 * @param box where
 * @param area the object's area in square pixels, which decides whether it is small, medium or
 *     large; COCO gives that of the segmentation, the box's area serves where there is none
 * @param crowd whether the box covers a group: it may be found many times, and is never missed
 */
public record CocoAnnotation(
    long imageId, long categoryId, CocoBox box, double area, boolean crowd) {

  /** Checks that the area is a number. */
  public CocoAnnotation {
    if (Double.isNaN(area)) {
      throw new IllegalArgumentException("the area of an object in image " + imageId + " is NaN");
    }
  }

  /**
   * Makes a single object whose area is that of its box.
   *
   * @param imageId the image
   * @param categoryId the class
   * @param box where
   * @return the object
   */
  public static CocoAnnotation of(long imageId, long categoryId, CocoBox box) {
    return new CocoAnnotation(imageId, categoryId, box, box.area(), false);
  }
}

package dev.cocoli.eval;

/**
 * One object of the ground truth.
 *
 * @param imageId the image
 * @param categoryId the class
 * @param box the box of the object
 * @param area the object's area in square pixels, which decides whether it is small, medium or
 *     large; COCO files give that of the segmentation; without one it is that of the box
 * @param crowd whether the box covers a group of objects: any number of detections may match it,
 *     and it is never counted as missed
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
   * @param box the box of the object
   * @return the object
   */
  public static CocoAnnotation of(long imageId, long categoryId, CocoBox box) {
    return new CocoAnnotation(imageId, categoryId, box, box.area(), false);
  }
}

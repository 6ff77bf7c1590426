package dev.cocoli.backend.spec;

/**
 * RoIPool over one map (Girshick 2015; torchvision's {@code roi_pool}): a region is rounded to
 * whole pixels of the map and cut into bins, whose maxima are taken.
 *
 * @param outputSize bins along each axis
 * @param spatialScale scale of the map relative to the image
 */
public record RoiPoolSpec(int outputSize, float spatialScale) {

  /** Checks the numbers. */
  public RoiPoolSpec {
    if (outputSize < 1 || !(spatialScale > 0)) {
      throw new IllegalArgumentException(
          "no such RoIPool: " + outputSize + " bins at a scale of " + spatialScale);
    }
  }
}

package dev.cocoli.data.synthetic;

/**
 * The properties of generated images.
 *
 * @param width of an image, in pixels
 * @param height of an image, in pixels
 * @param minShapes the least number of shapes tried on an image that has any
 * @param maxShapes the largest number; fewer are placed where there is no room
 * @param minSize the diameter of the smallest shapes, in pixels
 * @param maxSize the diameter of the largest shapes, in pixels
 * @param emptyShare the fraction of images without objects, from 0 to 1
 * @param minVisible the fraction of every shape that stays visible, from 0 to 1; the rest may be
 *     behind other shapes or outside the image
 * @param look clutter, noise and colours
 * @param seed the same seed gives the same images
 */
public record ShapeScenesConfig(
    int width,
    int height,
    int minShapes,
    int maxShapes,
    int minSize,
    int maxSize,
    double emptyShare,
    double minVisible,
    Look look,
    long seed) {

  /**
   * Clutter, noise and colours of generated images.
   *
   * @param maxClutter the largest number of thin lines, outlines, spots and specks, which are not
   *     objects
   * @param maxNoise the largest standard deviation of the noise, in grey levels of 255
   * @param hueSpread the fraction of the colour circle from which the colours of one class come,
   *     above 0 and at most 1; the smaller it is, the more a colour says about the class
   */
  public record Look(int maxClutter, double maxNoise, double hueSpread) {

    /** Checks the ranges. */
    public Look {
      require(maxClutter >= 0, "maxClutter must not be negative");
      require(hueSpread > 0 && hueSpread <= 1, "hueSpread must be above 0 and at most 1");
      require(maxNoise >= 0 && maxNoise <= 64, "maxNoise must be from 0 to 64");
    }
  }

  /** Checks the ranges. */
  public ShapeScenesConfig {
    require(width >= 32 && height >= 32, "width and height must be at least 32");
    require(
        minShapes >= 0 && maxShapes >= minShapes && maxShapes < 255,
        "minShapes must be from 0 to maxShapes, and maxShapes below 255");
    require(
        minSize >= 4 && maxSize >= minSize && maxSize <= Math.min(width, height),
        "minSize must be from 4 to maxSize, and maxSize fit into the image");
    require(emptyShare >= 0 && emptyShare <= 1, "emptyShare must be from 0 to 1");
    require(minVisible > 0 && minVisible <= 1, "minVisible must be above 0 and at most 1");
  }

  /**
   * The configuration of the demo's images: one to five shapes per image, with a diameter of an
   * eighth to a half of the image's shorter side. At least three quarters of each are visible,
   * because half a square is a triangle. The colours of a class come from one fifth of the colour
   * circle. One image in sixteen is empty.
   *
   * @param width of an image, in pixels
   * @param height of an image, in pixels
   * @param seed the same seed gives the same images
   * @return the configuration
   */
  public static ShapeScenesConfig of(int width, int height, long seed) {
    int side = Math.min(width, height);
    Look look = new Look(8, 8, 0.2);
    return new ShapeScenesConfig(
        width, height, 1, 5, side / 8, side / 2, 1 / 16.0, 0.75, look, seed);
  }

  private static void require(boolean holds, String message) {
    if (!holds) {
      throw new IllegalArgumentException(message);
    }
  }
}

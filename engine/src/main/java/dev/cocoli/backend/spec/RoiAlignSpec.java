package dev.cocoli.backend.spec;

import java.util.Arrays;

/**
 * RoIAlign over one map or a pyramid (He et al. 2017; the choice of the level is equation 1 of Lin
 * et al. 2017, as torchvision's {@code LevelMapper} computes it).
 *
 * @param outputSize bins along each axis
 * @param samplingRatio samples a bin along each axis; 0 or less takes {@code ceil(roi extent /
 *     bins)}
 * @param aligned whether coordinates are shifted by half a pixel
 * @param spatialScales the scale of each map relative to the image, finest first
 * @param canonicalScale the side of a box that belongs to the canonical level, in pixels
 * @param canonicalLevel the level, counted in octaves from the image, of such a box
 */
public record RoiAlignSpec(
    int outputSize,
    int samplingRatio,
    boolean aligned,
    float[] spatialScales,
    float canonicalScale,
    float canonicalLevel) {
  /** Added to a level before it is rounded down, as torchvision does. */
  public static final float LEVEL_EPS = 1e-6f;

  /** Copies the scales. */
  public RoiAlignSpec {
    spatialScales = spatialScales.clone();
    if (outputSize < 1 || spatialScales.length == 0) {
      throw new IllegalArgumentException("RoIAlign needs at least one bin and one map");
    }
  }

  /**
   * {@return RoIAlign on one map}
   *
   * @param outputSize bins along each axis
   * @param samplingRatio samples a bin along each axis; 0 or less adapts
   * @param aligned whether coordinates are shifted by half a pixel
   * @param spatialScale scale of the map
   */
  public static RoiAlignSpec single(
      int outputSize, int samplingRatio, boolean aligned, float spatialScale) {
    return new RoiAlignSpec(outputSize, samplingRatio, aligned, new float[] {spatialScale}, 224, 4);
  }

  /** {@return the level of the finest map, in octaves from the image} */
  public int minLevel() {
    return Math.round(-(float) (Math.log(spatialScales[0]) / Math.log(2)));
  }

  /**
   * {@return which map a region belongs to} Every rounding to single precision stands where
   * torchvision has it; a larger side never belongs to a finer map.
   *
   * @param side the root of the region's area, in pixels of the image
   */
  public int mapOf(float side) {
    int maps = spatialScales.length;
    if (maps == 1) {
      return 0;
    }
    float octaves = (float) (Math.log(side / canonicalScale) / Math.log(2));
    int level = (int) Math.floor(canonicalLevel + octaves + LEVEL_EPS);
    int min = minLevel();
    return Math.clamp(level, min, min + maps - 1) - min;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof RoiAlignSpec that
        && outputSize == that.outputSize
        && samplingRatio == that.samplingRatio
        && aligned == that.aligned
        && canonicalScale == that.canonicalScale
        && canonicalLevel == that.canonicalLevel
        && Arrays.equals(spatialScales, that.spatialScales);
  }

  @Override
  public int hashCode() {
    return 31 * (31 * outputSize + samplingRatio) + Arrays.hashCode(spatialScales);
  }
}

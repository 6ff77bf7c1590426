package dev.cocoli.detection;

import java.util.List;

/**
 * The boxes that proposals are written relative to: at every place of every map, one of each aspect
 * ratio and of the map's size (torchvision's {@code AnchorGenerator}, to the rounding).
 */
public final class AnchorGenerator {
  private final List<float[]> cells;

  /**
   * Prepares the boxes around the origin.
   *
   * @param sizes the side of a square anchor of each map, in pixels, finest map first
   * @param aspectRatios height over width
   */
  public AnchorGenerator(List<Integer> sizes, List<Float> aspectRatios) {
    cells = sizes.stream().map(size -> cell(size, aspectRatios)).toList();
  }

  private static float[] cell(float size, List<Float> aspectRatios) {
    float[] boxes = new float[4 * aspectRatios.size()];
    for (int i = 0; i < aspectRatios.size(); i++) {
      float heightRatio = (float) Math.sqrt(aspectRatios.get(i));
      float widthRatio = 1 / heightRatio;
      // torch rounds half to even, as rint does
      float x = (float) Math.rint(widthRatio * size / 2);
      float y = (float) Math.rint(heightRatio * size / 2);
      boxes[4 * i] = -x;
      boxes[4 * i + 1] = -y;
      boxes[4 * i + 2] = x;
      boxes[4 * i + 3] = y;
    }
    return boxes;
  }

  /** {@return anchors at each place of a map} */
  public int perLocation() {
    return cells.getFirst().length / 4;
  }

  /**
   * {@return the anchors of an image, {@code [A,4]}: map by map, row by row, column by column,
   * ratio by ratio}
   *
   * @param imageHeight rows of the padded image
   * @param imageWidth columns of the padded image
   * @param mapSizes height and width of each map
   */
  public float[] generate(long imageHeight, long imageWidth, List<long[]> mapSizes) {
    if (mapSizes.size() != cells.size()) {
      throw new IllegalArgumentException(
          "anchors of " + cells.size() + " sizes for " + mapSizes.size() + " maps");
    }
    long total = 0;
    for (long[] size : mapSizes) {
      total += size[0] * size[1] * perLocation();
    }
    float[] anchors = new float[Math.toIntExact(4 * total)];
    int at = 0;
    for (int level = 0; level < cells.size(); level++) {
      long[] size = mapSizes.get(level);
      float[] cell = cells.get(level);
      long strideY = imageHeight / size[0];
      long strideX = imageWidth / size[1];
      for (long y = 0; y < size[0]; y++) {
        for (long x = 0; x < size[1]; x++) {
          for (int corner = 0; corner < cell.length; corner += 2) {
            anchors[at++] = cell[corner] + x * strideX;
            anchors[at++] = cell[corner + 1] + y * strideY;
          }
        }
      }
    }
    return anchors;
  }
}

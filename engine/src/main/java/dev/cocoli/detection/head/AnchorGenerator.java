package dev.cocoli.detection.head;

import dev.cocoli.detection.config.AnchorConfig;
import java.util.List;

/**
 * The boxes that proposals are written relative to: at every place of every map, one of each aspect
 * ratio and of each of the map's sizes (torchvision's {@code AnchorGenerator}, to the rounding).
 */
public final class AnchorGenerator {
  private final List<float[]> cells;

  /**
   * Prepares the boxes of several maps.
   *
   * @param config one size for each map, finest first
   */
  public AnchorGenerator(AnchorConfig config) {
    this(config.sizes().stream().map(size -> cell(List.of(size), config.aspectRatios())).toList());
  }

  private AnchorGenerator(List<float[]> cells) {
    this.cells = cells;
  }

  /**
   * {@return a generator for one map with anchors of several sizes at each place}
   *
   * @param config the sizes
   */
  public static AnchorGenerator ofOneMap(AnchorConfig config) {
    return new AnchorGenerator(List.of(cell(config.sizes(), config.aspectRatios())));
  }

  /** The boxes at one place: ratio by ratio, and for each of these size by size. */
  private static float[] cell(List<Integer> sizes, List<Float> aspectRatios) {
    float[] boxes = new float[4 * aspectRatios.size() * sizes.size()];
    int at = 0;
    for (float ratio : aspectRatios) {
      float heightRatio = (float) Math.sqrt(ratio);
      float widthRatio = 1 / heightRatio;
      for (float size : sizes) {
        // torch rounds half to even, as rint does
        float x = (float) Math.rint(widthRatio * size / 2);
        float y = (float) Math.rint(heightRatio * size / 2);
        boxes[at++] = -x;
        boxes[at++] = -y;
        boxes[at++] = x;
        boxes[at++] = y;
      }
    }
    return boxes;
  }

  /** {@return anchors at each place of a map} */
  public int perLocation() {
    return cells.getFirst().length / 4;
  }

  /**
   * {@return the anchors of an image, {@code [A,4]}: map by map, row by row, column by column,
   * ratio by ratio, size by size}
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

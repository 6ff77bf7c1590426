package dev.cocoli.eval;

/**
 * The size classes of COCO's metric, by the area of an object, bounds included (pycocotools, {@code
 * Params.setDetParams}).
 */
enum AreaRange {
  ALL(0, 1e5 * 1e5),
  SMALL(0, 32 * 32),
  MEDIUM(32 * 32, 96 * 96),
  LARGE(96 * 96, 1e5 * 1e5);

  private final double min;
  private final double max;

  AreaRange(double min, double max) {
    this.min = min;
    this.max = max;
  }

  boolean contains(double area) {
    return area >= min && area <= max;
  }
}

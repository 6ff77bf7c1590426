package dev.cocoli.structures;

/**
 * A rectangle of an image: corners {@code (x1, y1)} and {@code (x2, y2)} in pixels of that image, x
 * to the right and y down.
 *
 * @param x1 left edge
 * @param y1 upper edge
 * @param x2 right edge
 * @param y2 lower edge
 */
public record Box(float x1, float y1, float x2, float y2) {

  /** {@return the extent along x, in pixels} */
  public float width() {
    return x2 - x1;
  }

  /** {@return the extent along y, in pixels} */
  public float height() {
    return y2 - y1;
  }

  /**
   * {@return the intersection over union: the area that both boxes cover over the area that either
   * covers; 0 if they do not overlap}
   *
   * @param other the other box
   */
  public float iou(Box other) {
    float width = Math.min(x2, other.x2) - Math.max(x1, other.x1);
    float height = Math.min(y2, other.y2) - Math.max(y1, other.y1);
    if (width <= 0 || height <= 0) {
      return 0;
    }
    float both = width * height;
    return both / (width() * height() + other.width() * other.height() - both);
  }
}

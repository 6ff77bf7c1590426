package dev.cocoli.structures;

import java.awt.geom.AffineTransform;

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

  /** {@return width times height, in square pixels} */
  public double area() {
    return (double) width() * height();
  }

  /** {@return whether it covers anything: its right and lower edges lie after the others} */
  public boolean hasArea() {
    return x2 > x1 && y2 > y1;
  }

  /**
   * {@return the part of this box that is inside of an image; without an area if none is}
   *
   * @param width columns of the image
   * @param height rows of the image
   */
  public Box clipped(int width, int height) {
    return new Box(
        Math.clamp(x1, 0, width),
        Math.clamp(y1, 0, height),
        Math.clamp(x2, 0, width),
        Math.clamp(y2, 0, height));
  }

  /**
   * {@return the smallest box around this one after its image was changed}
   *
   * @param move how the image's points moved
   */
  public Box moved(AffineTransform move) {
    float[] corners = {x1, y1, x2, y1, x2, y2, x1, y2};
    move.transform(corners, 0, corners, 0, 4);
    float left = corners[0];
    float top = corners[1];
    float right = left;
    float bottom = top;
    for (int i = 2; i < corners.length; i += 2) {
      left = Math.min(left, corners[i]);
      top = Math.min(top, corners[i + 1]);
      right = Math.max(right, corners[i]);
      bottom = Math.max(bottom, corners[i + 1]);
    }
    return new Box(left, top, right, bottom);
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

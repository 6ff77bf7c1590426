package dev.cocoli.backend.cpu.loops;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.cocoli.backend.spec.BoxCoderSpec;
import java.lang.foreign.MemorySegment;

/**
 * Turns four deltas and a reference box into a box clipped to its image, with torchvision's order
 * of operations ({@code BoxCoder.decode_single}, {@code clip_boxes_to_image}). Holds the reference
 * box, so that all classes of a region share it.
 */
final class BoxDecoder {
  private final BoxCoderSpec coder;
  private float width;
  private float height;
  private float centreX;
  private float centreY;
  private float imageHeight;
  private float imageWidth;

  /**
   * Makes a decoder.
   *
   * @param coder weights
   */
  BoxDecoder(BoxCoderSpec coder) {
    this.coder = coder;
  }

  /**
   * Sets the image to clip to.
   *
   * @param imageSizes {@code [N,2]}, height and width
   * @param image which
   */
  void image(MemorySegment imageSizes, long image) {
    imageHeight = imageSizes.getAtIndex(JAVA_FLOAT, 2 * image);
    imageWidth = imageSizes.getAtIndex(JAVA_FLOAT, 2 * image + 1);
  }

  /**
   * Sets the reference box.
   *
   * @param boxes holds it
   * @param offset the element where it begins
   */
  void reference(MemorySegment boxes, long offset) {
    float x1 = boxes.getAtIndex(JAVA_FLOAT, offset);
    float y1 = boxes.getAtIndex(JAVA_FLOAT, offset + 1);
    width = boxes.getAtIndex(JAVA_FLOAT, offset + 2) - x1;
    height = boxes.getAtIndex(JAVA_FLOAT, offset + 3) - y1;
    centreX = x1 + 0.5f * width;
    centreY = y1 + 0.5f * height;
  }

  /**
   * Writes a box.
   *
   * @param deltas holds the deltas
   * @param offset the element where they begin
   * @param boxes written
   * @param into the element where the box begins
   * @return the box's shorter side; NaN if a delta is
   */
  float decode(MemorySegment deltas, long offset, MemorySegment boxes, long into) {
    float dx = deltas.getAtIndex(JAVA_FLOAT, offset) / coder.weightX();
    float dy = deltas.getAtIndex(JAVA_FLOAT, offset + 1) / coder.weightY();
    float dw = deltas.getAtIndex(JAVA_FLOAT, offset + 2) / coder.weightWidth();
    float dh = deltas.getAtIndex(JAVA_FLOAT, offset + 3) / coder.weightHeight();
    float x = dx * width + centreX;
    float y = dy * height + centreY;
    float halfWidth = 0.5f * ((float) Math.exp(Math.min(dw, BoxCoderSpec.MAX_LOG_RATIO)) * width);
    float halfHeight = 0.5f * ((float) Math.exp(Math.min(dh, BoxCoderSpec.MAX_LOG_RATIO)) * height);
    float x1 = clip(x - halfWidth, imageWidth);
    float y1 = clip(y - halfHeight, imageHeight);
    float x2 = clip(x + halfWidth, imageWidth);
    float y2 = clip(y + halfHeight, imageHeight);
    boxes.setAtIndex(JAVA_FLOAT, into, x1);
    boxes.setAtIndex(JAVA_FLOAT, into + 1, y1);
    boxes.setAtIndex(JAVA_FLOAT, into + 2, x2);
    boxes.setAtIndex(JAVA_FLOAT, into + 3, y2);
    return Math.min(x2 - x1, y2 - y1);
  }

  private static float clip(float value, float limit) {
    return Math.min(Math.max(value, 0), limit);
  }
}

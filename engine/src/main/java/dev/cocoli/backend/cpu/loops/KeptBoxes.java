package dev.cocoli.backend.cpu.loops;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The boxes that non-maximum suppression has kept so far, chained by group. A group's number picks
 * the chain, so few groups never share one and many cost only time.
 */
final class KeptBoxes {
  private static final int CHAINS = 1024;

  private final int[] heads = new int[CHAINS];
  private float[] x1 = new float[0];
  private float[] y1 = new float[0];
  private float[] x2 = new float[0];
  private float[] y2 = new float[0];
  private float[] areas = new float[0];
  private int[] groups = new int[0];
  private int[] next = new int[0];
  private int size;

  /**
   * Forgets everything.
   *
   * @param limit how many boxes may be kept
   */
  void reset(int limit) {
    if (next.length < limit) {
      x1 = new float[limit];
      y1 = new float[limit];
      x2 = new float[limit];
      y2 = new float[limit];
      areas = new float[limit];
      groups = new int[limit];
      next = new int[limit];
    }
    Arrays.fill(heads, -1);
    size = 0;
  }

  /** {@return how many are kept} */
  int size() {
    return size;
  }

  /**
   * Keeps a box unless it overlaps a kept one of its group too much. The IoU is rounded as that of
   * torchvision's {@code nms} is.
   *
   * @param iouThreshold the largest IoU that is not too much
   * @param boxes holds the box
   * @param offset the element where it begins
   * @param group its group
   * @return whether it is kept
   */
  boolean offer(float iouThreshold, MemorySegment boxes, long offset, int group) {
    float left = boxes.getAtIndex(JAVA_FLOAT, offset);
    float top = boxes.getAtIndex(JAVA_FLOAT, offset + 1);
    float right = boxes.getAtIndex(JAVA_FLOAT, offset + 2);
    float bottom = boxes.getAtIndex(JAVA_FLOAT, offset + 3);
    float area = (right - left) * (bottom - top);
    int chain = group & (CHAINS - 1);
    for (int i = heads[chain]; i >= 0; i = next[i]) {
      if (groups[i] == group) {
        float width = Math.max(0, Math.min(x2[i], right) - Math.max(x1[i], left));
        float height = Math.max(0, Math.min(y2[i], bottom) - Math.max(y1[i], top));
        float intersection = width * height;
        if (intersection / (areas[i] + area - intersection) > iouThreshold) {
          return false;
        }
      }
    }
    x1[size] = left;
    y1[size] = top;
    x2[size] = right;
    y2[size] = bottom;
    areas[size] = area;
    groups[size] = group;
    next[size] = heads[chain];
    heads[chain] = size++;
    return true;
  }
}

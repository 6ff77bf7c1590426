package dev.cocoli.backend.cpu.loops;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The objects of one image, laid out for comparing many boxes with each, and the best IoU that each
 * object has found. The IoU is rounded as that of torchvision's {@code box_iou} is, the same each
 * time it is computed.
 */
final class GroundTruthBoxes {
  private float[] x1 = new float[0];
  private float[] y1 = new float[0];
  private float[] x2 = new float[0];
  private float[] y2 = new float[0];
  private float[] areas = new float[0];
  private float[] best = new float[0];
  private int size;

  /**
   * Takes an image's objects.
   *
   * @param groundTruth boxes
   * @param first the first box of the image
   * @param count how many there are
   */
  void load(MemorySegment groundTruth, long first, int count) {
    if (x1.length < count) {
      x1 = new float[count];
      y1 = new float[count];
      x2 = new float[count];
      y2 = new float[count];
      areas = new float[count];
      best = new float[count];
    }
    size = count;
    for (int g = 0; g < count; g++) {
      x1[g] = groundTruth.getAtIndex(JAVA_FLOAT, 4 * (first + g));
      y1[g] = groundTruth.getAtIndex(JAVA_FLOAT, 4 * (first + g) + 1);
      x2[g] = groundTruth.getAtIndex(JAVA_FLOAT, 4 * (first + g) + 2);
      y2[g] = groundTruth.getAtIndex(JAVA_FLOAT, 4 * (first + g) + 3);
      areas[g] = (x2[g] - x1[g]) * (y2[g] - y1[g]);
    }
    Arrays.fill(best, 0, count, -1);
  }

  /** {@return how many objects there are} */
  int size() {
    return size;
  }

  /**
   * {@return the object that overlaps a box most, the first of equals; -1 if there are none}
   *
   * @param boxes holds the box
   * @param offset the element where it begins
   * @param bestOfObject raised to this box's IoU with each object
   * @param bestOfBox where the best IoU is written
   * @param box at which place
   */
  int best(MemorySegment boxes, long offset, float[] bestOfObject, float[] bestOfBox, int box) {
    float left = boxes.getAtIndex(JAVA_FLOAT, offset);
    float top = boxes.getAtIndex(JAVA_FLOAT, offset + 1);
    float right = boxes.getAtIndex(JAVA_FLOAT, offset + 2);
    float bottom = boxes.getAtIndex(JAVA_FLOAT, offset + 3);
    float area = (right - left) * (bottom - top);
    float most = -1;
    int object = -1;
    for (int g = 0; g < size; g++) {
      float iou = iou(g, left, top, right, bottom, area);
      if (iou > most) {
        most = iou;
        object = g;
      }
      if (iou > bestOfObject[g]) {
        bestOfObject[g] = iou;
      }
    }
    bestOfBox[box] = most;
    return object;
  }

  /**
   * Raises each object's best IoU to what a part of the boxes has found.
   *
   * @param bestOfObject the best IoU of each object
   */
  synchronized void mergeBest(float[] bestOfObject) {
    for (int g = 0; g < size; g++) {
      best[g] = Math.max(best[g], bestOfObject[g]);
    }
  }

  /** {@return the least of the objects' best IoUs: a box that has less is no object's best} */
  float leastBest() {
    float least = Float.POSITIVE_INFINITY;
    for (int g = 0; g < size; g++) {
      least = Math.min(least, best[g]);
    }
    return least;
  }

  /**
   * {@return whether no box overlaps one of the objects more than this one}
   *
   * @param boxes holds the box
   * @param offset the element where it begins
   */
  boolean isBestOfAny(MemorySegment boxes, long offset) {
    float left = boxes.getAtIndex(JAVA_FLOAT, offset);
    float top = boxes.getAtIndex(JAVA_FLOAT, offset + 1);
    float right = boxes.getAtIndex(JAVA_FLOAT, offset + 2);
    float bottom = boxes.getAtIndex(JAVA_FLOAT, offset + 3);
    float area = (right - left) * (bottom - top);
    for (int g = 0; g < size; g++) {
      if (iou(g, left, top, right, bottom, area) == best[g]) {
        return true;
      }
    }
    return false;
  }

  private float iou(int g, float left, float top, float right, float bottom, float area) {
    float width = Math.min(x2[g], right) - Math.max(x1[g], left);
    float height = Math.min(y2[g], bottom) - Math.max(y1[g], top);
    if (width <= 0 || height <= 0) {
      return 0;
    }
    float intersection = width * height;
    return intersection / (areas[g] + area - intersection);
  }
}

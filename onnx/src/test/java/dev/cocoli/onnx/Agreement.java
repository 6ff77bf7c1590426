package dev.cocoli.onnx;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.structures.Box;
import dev.cocoli.structures.Detection;
import java.util.ArrayList;
import java.util.List;

/** Counts how many detections of two systems are the same: label, box and score. */
final class Agreement {
  private static final double MIN_IOU = 0.98;
  private static final double MAX_SCORE_DIFFERENCE = 1e-3;

  private int same;
  private int most;

  /** Compares the detections of one image. */
  void add(List<Detection> ours, List<Detection> theirs) {
    List<Detection> left = new ArrayList<>(theirs);
    for (Detection one : ours) {
      left.stream()
          .filter(other -> isSame(one, other))
          .findFirst()
          .ifPresent(
              other -> {
                left.remove(other);
                same++;
              });
    }
    most += Math.max(ours.size(), theirs.size());
  }

  private static boolean isSame(Detection one, Detection other) {
    return one.label() == other.label()
        && Math.abs(one.score() - other.score()) <= MAX_SCORE_DIFFERENCE
        && iou(one.box(), other.box()) >= MIN_IOU;
  }

  static double iou(Box a, Box b) {
    double width = Math.min(a.x2(), b.x2()) - Math.max(a.x1(), b.x1());
    double height = Math.min(a.y2(), b.y2()) - Math.max(a.y1(), b.y1());
    double common = Math.max(0, width) * Math.max(0, height);
    return common / (area(a) + area(b) - common);
  }

  private static double area(Box box) {
    return ((double) box.x2() - box.x1()) * ((double) box.y2() - box.y1());
  }

  /**
   * Fails unless 98 % are the same.
   *
   * @param atLeast how many detections there have to be, so that something was compared
   */
  void require(int atLeast) {
    assertTrue(most >= atLeast, () -> "only " + most + " detections");
    assertTrue(same >= 0.98 * most, () -> same + " of " + most + " detections are the same");
  }

  @Override
  public String toString() {
    return same + " of " + most;
  }
}

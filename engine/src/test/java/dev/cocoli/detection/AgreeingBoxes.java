package dev.cocoli.detection;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.structures.Box;
import dev.cocoli.structures.Detection;
import java.util.ArrayList;
import java.util.List;

/** Whether boxes are the reference's, where equal scores leave their order open. */
final class AgreeingBoxes {
  private AgreeingBoxes() {}

  /**
   * The same boxes, in any order: among more than a thousand candidates torchvision sorts equal
   * scores, which a saturated sigmoid has many of, as {@code std::sort} leaves them.
   */
  static void assertProposals(String what, List<Box> expected, List<Box> mine) {
    assertEquals(expected.size(), mine.size(), what);
    List<Box> left = new ArrayList<>(mine);
    for (Box box : expected) {
      Box match = left.stream().filter(one -> distance(one, box) <= 0.01).findFirst().orElse(null);
      assertTrue(left.remove(match), what + " lack " + box);
    }
  }

  /**
   * The same detections, those of equal scores in any order.
   *
   * @param reference holds the expected ones
   * @param name of these
   * @param found ours
   * @param most how many the model reports at most
   */
  static void assertDetections(Reference reference, String name, List<Detection> found, long most) {
    List<Box> boxes = reference.boxes(name + ".boxes");
    float[] scores = reference.floats(name + ".scores");
    long[] labels = reference.longs(name + ".labels");
    assertEquals(boxes.size(), found.size(), name);
    for (int i = 0; i < found.size(); i++) {
      assertEquals(scores[i], found.get(i).score(), 1e-4, name + "[" + i + "]: " + found.get(i));
    }
    List<Detection> left = new ArrayList<>(found);
    for (int i = 0; i < boxes.size(); i++) {
      Detection wanted = new Detection(boxes.get(i), (int) labels[i], scores[i]);
      Detection match = left.stream().filter(one -> agree(one, wanted)).findFirst().orElse(null);
      // which of equal scores fall behind the last place follows the order of the proposals
      boolean tiedWithLast = boxes.size() == most && scores[i] == scores[boxes.size() - 1];
      boolean isThere = left.remove(match) || tiedWithLast || suppressedByEqual(found, wanted);
      assertTrue(isThere, name + "[" + i + "] lacks " + wanted);
    }
  }

  /** Of two that overlap and score the same but for rounding, either may suppress the other. */
  private static boolean suppressedByEqual(List<Detection> found, Detection wanted) {
    return found.stream()
        .anyMatch(
            one ->
                one.label() == wanted.label()
                    && Math.abs(one.score() - wanted.score()) <= 1e-6
                    && overlap(one.box(), wanted.box()) > 0.5);
  }

  private static double overlap(Box one, Box other) {
    double width = Math.min(one.x2(), other.x2()) - Math.max(one.x1(), other.x1());
    double height = Math.min(one.y2(), other.y2()) - Math.max(one.y1(), other.y1());
    double both = Math.max(0, width) * Math.max(0, height);
    return both / (area(one) + area(other) - both);
  }

  private static double area(Box box) {
    return (double) box.width() * box.height();
  }

  private static boolean agree(Detection one, Detection other) {
    return one.label() == other.label()
        && Math.abs(one.score() - other.score()) <= 1e-4
        && distance(one.box(), other.box()) <= 0.01;
  }

  private static double distance(Box one, Box other) {
    double x = Math.max(Math.abs(one.x1() - other.x1()), Math.abs(one.x2() - other.x2()));
    double y = Math.max(Math.abs(one.y1() - other.y1()), Math.abs(one.y2() - other.y2()));
    return Math.max(x, y);
  }
}

package dev.cocoli.structures;

import java.util.List;

/**
 * The ground truth of one image: the boxes and classes that a detector is to learn.
 *
 * @param boxes the objects, in pixels of the image that goes with it; may be empty
 * @param labels the class of each box, 1 for the first (0 is the background)
 */
public record Target(List<Box> boxes, int[] labels) {

  /** Checks that every box has a label. */
  public Target {
    boxes = List.copyOf(boxes);
    if (boxes.size() != labels.length) {
      throw new IllegalArgumentException(
          "a target needs one label per box: "
              + boxes.size()
              + " boxes, "
              + labels.length
              + " labels");
    }
  }
}

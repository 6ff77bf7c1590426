package dev.cocoli.structures;

import java.awt.geom.AffineTransform;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * The ground truth of one image: the objects that a detector is to learn.
 *
 * @param objects the objects, in pixels of the image that goes with them; may be empty
 */
public record Target(List<Annotation> objects) {
  /** The ground truth of an image without objects. */
  public static final Target EMPTY = new Target(List.of());

  /** Copies the list. */
  public Target {
    objects = List.copyOf(objects);
  }

  /**
   * Creates the ground truth of an image of whose objects only box and class are known.
   *
   * @param boxes the boxes
   * @param labels the class of each box, 1 for the first
   */
  public Target(List<Box> boxes, int[] labels) {
    this(annotations(boxes, labels));
  }

  private static List<Annotation> annotations(List<Box> boxes, int[] labels) {
    if (boxes.size() != labels.length) {
      throw new IllegalArgumentException(
          "a target needs one label per box: %s boxes, %s labels"
              .formatted(boxes.size(), labels.length));
    }
    return IntStream.range(0, labels.length)
        .mapToObj(i -> Annotation.of(boxes.get(i), labels[i]))
        .toList();
  }

  /** {@return the box of each object} */
  public List<Box> boxes() {
    return objects.stream().map(Annotation::box).toList();
  }

  /** {@return the class of each object} */
  public int[] labels() {
    return objects.stream().mapToInt(Annotation::label).toArray();
  }

  /**
   * {@return the objects after their image was changed}
   *
   * @param move how the image's points moved
   */
  public Target moved(AffineTransform move) {
    return new Target(objects.stream().map(object -> object.moved(move)).toList());
  }

  /**
   * {@return the objects after their image was cut to a size; those outside are left out}
   *
   * @param width columns of the image
   * @param height rows of the image
   */
  public Target clipped(int width, int height) {
    return new Target(
        objects.stream()
            .map(object -> object.clipped(width, height))
            .flatMap(Optional::stream)
            .toList());
  }
}

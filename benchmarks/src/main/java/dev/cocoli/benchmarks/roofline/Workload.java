package dev.cocoli.benchmarks.roofline;

import dev.cocoli.benchmarks.ImageSize;
import dev.cocoli.nn.Norm;
import dev.cocoli.tensor.Precision;
import java.util.List;
import java.util.Locale;

/**
 * What is counted, of a {@code fasterrcnn_resnet50_fpn}.
 *
 * @param task a training step or a detection
 * @param size of the images, which are not resized
 * @param batch images
 * @param precision of the activations
 * @param norm the kind of the backbone's norms
 */
record Workload(Task task, ImageSize size, int batch, Precision precision, Norm.Type norm) {
  /** The model that is counted. */
  static final String MODEL = "fasterrcnn_resnet50_fpn";

  /** The kinds of work. */
  enum Task {
    /** One training step. */
    TRAIN,
    /** One detection. */
    DETECT;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * Reads what the command line says.
   *
   * @throws IllegalArgumentException if a value is none; the message lists those that there are
   */
  static Workload of(String task, String size, int batch, String precision, String norm) {
    if (batch < 1) {
      throw new IllegalArgumentException("a batch of " + batch + " images; it has 1 or more");
    }
    return new Workload(
        choice(Task.class, task, "task"),
        ImageSize.parse(size),
        batch,
        Precision.parse(precision),
        choice(Norm.Type.class, norm, "norm"));
  }

  private static <E extends Enum<E>> E choice(Class<E> type, String word, String what) {
    List<String> words =
        List.of(type.getEnumConstants()).stream()
            .map(value -> value.name().toLowerCase(Locale.ROOT))
            .toList();
    int index = words.indexOf(word);
    if (index < 0) {
      throw new IllegalArgumentException(
          "unknown " + what + " '" + word + "': they are " + String.join(", ", words));
    }
    return type.getEnumConstants()[index];
  }

  /** The words that {@link #of} reads. */
  List<String> words() {
    return List.of(
        task.toString(),
        size.toString(),
        Integer.toString(batch),
        precision.toString(),
        norm.name().toLowerCase(Locale.ROOT));
  }
}

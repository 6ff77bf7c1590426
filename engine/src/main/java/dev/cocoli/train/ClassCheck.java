package dev.cocoli.train;

import dev.cocoli.structures.Count;
import java.util.List;

/** Refuses to bring together what does not speak of the same classes, in the same order. */
final class ClassCheck {
  /** How many classes of a long list a message names. */
  private static final int NAMED = 10;

  private ClassCheck() {}

  /**
   * Does nothing if the classes are the same.
   *
   * @throws TrainingException if they are not
   */
  static void requireSame(String one, List<String> ofOne, String other, List<String> ofOther) {
    if (!ofOne.equals(ofOther)) {
      throw new TrainingException(
          "%s has %s, but %s has %s; both need the same classes in the same order"
              .formatted(one, words(ofOne), other, words(ofOther)));
    }
  }

  private static String words(List<String> classes) {
    String names = String.join(", ", classes.subList(0, Math.min(NAMED, classes.size())));
    return "%s (%s%s)"
        .formatted(
            new Count(classes.size(), "class"), names, classes.size() > NAMED ? ", ..." : "");
  }
}

package dev.cocoli.detection;

import dev.cocoli.structures.Count;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What a model took of the weights of another with other classes.
 *
 * @param file the weights file
 * @param arrays how many arrays the model has
 * @param renewed the names of the arrays with rows that the file has nothing for; they keep the
 *     values that were drawn
 * @param sharedClasses the classes whose rows were copied, in the model's order; with any, the
 *     background's were too
 * @param newClasses the model's other classes
 * @param fileClassCount how many classes the file has, without the background
 * @param fileClasses their names; nothing if they are not known
 */
public record TransferReport(
    Path file,
    int arrays,
    List<String> renewed,
    List<String> sharedClasses,
    List<String> newClasses,
    int fileClassCount,
    Optional<List<String>> fileClasses) {
  /** How many names of a long list are printed. */
  private static final int NAMED = 8;

  /** Copies the lists. */
  public TransferReport {
    renewed = List.copyOf(renewed);
    sharedClasses = List.copyOf(sharedClasses);
    newClasses = List.copyOf(newClasses);
    fileClasses = fileClasses.map(List::copyOf);
  }

  /** {@return whether the model took everything as it is, because it has the same classes} */
  public boolean isWhole() {
    return renewed.isEmpty() && sharedClasses.equals(fileClasses.orElse(sharedClasses));
  }

  /** {@return what was taken, what is new, and why, in three lines; one if everything was taken} */
  public List<String> lines() {
    if (isWhole()) {
      return List.of("taken from %s: all %d arrays".formatted(file, arrays));
    }
    List<String> lines = new ArrayList<>();
    lines.add(
        "taken from %s: %d of %d arrays%s"
            .formatted(
                file,
                arrays - renewed.size(),
                arrays,
                sharedClasses.isEmpty()
                    ? ""
                    : ", and the rows of the background and of " + words(sharedClasses)));
    lines.add(
        "new: %s%s"
            .formatted(
                sharedClasses.isEmpty() || renewed.isEmpty()
                    ? ""
                    : "the rows of " + words(newClasses) + " in ",
                renewed.isEmpty() ? "nothing" : String.join(", ", renewed)));
    lines.add("because " + reason());
    return lines;
  }

  private String reason() {
    int count = sharedClasses.size() + newClasses.size();
    String numbers =
        "the weights are of %s%s, the model of %d"
            .formatted(
                new Count(fileClassCount, "class"),
                fileClasses.map(names -> " (" + words(names) + ")").orElse(""),
                count);
    if (fileClasses.isEmpty()) {
      return numbers + ", and the weights do not name theirs";
    }
    return numbers + (sharedClasses.isEmpty() ? ", none of them the same" : "");
  }

  private static String words(List<String> names) {
    String some = String.join(", ", names.subList(0, Math.min(NAMED, names.size())));
    return names.size() > NAMED ? some + " and " + (names.size() - NAMED) + " more" : some;
  }
}

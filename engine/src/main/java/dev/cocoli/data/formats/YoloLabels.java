package dev.cocoli.data.formats;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** Recognises YOLO's labels, which are not read, so that an error can say what to do with them. */
public final class YoloLabels {
  /** What an error says to a user who has such labels. */
  public static final String ADVICE =
      "YOLO's labels are not read as they are: docs/faq.md has a program that makes a COCO file of"
          + " them";

  /** A folder has {@code labels/train} or {@code train/labels}, and in it the files. */
  private static final int DEPTH = 3;

  private YoloLabels() {}

  /**
   * {@return whether a folder has text files in a folder called labels, or the description of such}
   *
   * @param root the folder
   */
  static boolean areIn(Path root) {
    try (Stream<Path> below = Files.walk(root, DEPTH)) {
      return below.anyMatch(path -> isDescription(path) || isLabel(root.relativize(path)));
    } catch (IOException | UncheckedIOException e) {
      return false;
    }
  }

  private static boolean isLabel(Path path) {
    Path folder = path.getParent();
    return NamedFiles.hasExtension(path, "txt")
        && folder != null
        && Stream.of(folder.toString().split("[/\\\\]")).anyMatch("labels"::equals);
  }

  /**
   * {@return whether a file may describe such a data set, as data.yaml does}
   *
   * @param file the file
   */
  public static boolean isDescription(Path file) {
    return NamedFiles.hasExtension(file, "yaml") || NamedFiles.hasExtension(file, "yml");
  }
}

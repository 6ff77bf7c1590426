package dev.cocoli.data.formats;

import dev.cocoli.data.DataException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Reads the lists in {@code ImageSets/Main} of a VOC folder. A list has the name of one image per
 * line. The lists of a single class add 1, 0 or -1, which is ignored, because the annotations say
 * which objects an image has.
 */
public final class VocSplits {

  private static final Pattern FLAGGED = Pattern.compile("(.*\\S)\\s+(?:-1|0|1|\\+1)");
  private static final Pattern WITH_EXTENSION =
      Pattern.compile("(.+)\\.(?:jpg|jpeg|png|bmp|gif|webp|xml)", Pattern.CASE_INSENSITIVE);

  private final Path annotations;
  private final Path lists;

  private VocSplits(Path root) {
    this.annotations = root.resolve("Annotations");
    this.lists = root.resolve("ImageSets").resolve("Main");
  }

  /**
   * Finds the lists of a folder.
   *
   * @param root the folder
   * @return its lists
   * @throws DataException if the folder is not laid out like VOC; the message says what is missing
   */
  public static VocSplits of(Path root) {
    if (!Files.isDirectory(root)) {
      throw new DataException(root + ": there is no such folder");
    }
    for (String needed : List.of("Annotations", "JPEGImages", "ImageSets/Main")) {
      if (!Files.isDirectory(root.resolve(needed))) {
        throw new DataException(
            "%s: %s no folder %s; a VOC data set has JPEGImages/NAME.jpg, Annotations/NAME.xml and ImageSets/Main/SPLIT.txt with a NAME a line%s"
                .formatted(root, isEmpty(root) ? "is empty, it has" : "has", needed, hint(root)));
      }
    }
    return new VocSplits(root);
  }

  private static boolean isEmpty(Path folder) {
    try (Stream<Path> inside = Files.list(folder)) {
      return inside.findAny().isEmpty();
    } catch (IOException e) {
      throw new DataException(folder + ": cannot be read (" + e.getMessage() + ")", e);
    }
  }

  /** A hint for the original archives, which have the data set in VOCdevkit/VOC2007. */
  private static String hint(Path root) {
    try (Stream<Path> below = Files.walk(root, 2)) {
      return below
          .filter(path -> Files.isDirectory(path.resolve("Annotations")))
          .sorted()
          .findFirst()
          .map(path -> "; did you mean " + path + "?")
          .orElse("");
    } catch (IOException | UncheckedIOException e) {
      return "";
    }
  }

  /** The names of a split's images, in its order. */
  List<String> stems(String split) {
    Path list = inside(lists, split + ".txt").orElse(null);
    if (list == null || !Files.isRegularFile(list)) {
      throw new DataException(
          "%s: there is no split '%s'; there is: %s"
              .formatted(lists, split, names().isEmpty() ? "none" : String.join(", ", names())));
    }
    List<String> stems = read(list);
    if (stems.isEmpty()) {
      throw new DataException(list + ": the split names no image");
    }
    return stems;
  }

  /** The names of all splits together. */
  Set<String> allStems() {
    Set<String> all = new LinkedHashSet<>();
    names().forEach(name -> all.addAll(read(lists.resolve(name + ".txt"))));
    return all;
  }

  private Set<String> names() {
    try (Stream<Path> files = Files.list(lists)) {
      Set<String> names = new TreeSet<>();
      files
          .map(file -> file.getFileName().toString())
          .filter(name -> name.endsWith(".txt"))
          .forEach(name -> names.add(name.substring(0, name.length() - ".txt".length())));
      return names;
    } catch (IOException e) {
      throw new DataException(lists + ": cannot be read (" + e.getMessage() + ")", e);
    }
  }

  private List<String> read(Path list) {
    try {
      List<String> stems = new ArrayList<>();
      for (String line : TextLines.read(list)) {
        stems.add(stem(line, list));
      }
      return stems;
    } catch (IOException e) {
      throw new DataException(e.getMessage(), e);
    }
  }

  private String stem(String line, Path list) {
    String stem = line;
    Matcher flagged = FLAGGED.matcher(line);
    if (flagged.matches() && !hasAnnotation(line)) {
      stem = flagged.group(1);
    }
    Matcher extended = WITH_EXTENSION.matcher(stem);
    if (extended.matches() && !hasAnnotation(stem)) {
      stem = extended.group(1);
    }
    if (inside(annotations, stem + ".xml").isEmpty()) {
      throw new DataException(list + ": the line '" + line + "' names no file inside the data set");
    }
    return stem;
  }

  private boolean hasAnnotation(String stem) {
    return inside(annotations, stem + ".xml").filter(Files::isRegularFile).isPresent();
  }

  /** The path of a name inside a folder; empty if it is not a path or leads out of the folder. */
  static Optional<Path> inside(Path folder, String name) {
    try {
      Path path = folder.resolve(name).normalize();
      boolean below = path.startsWith(folder.normalize()) && !path.equals(folder.normalize());
      return below ? Optional.of(path) : Optional.empty();
    } catch (InvalidPathException e) {
      return Optional.empty();
    }
  }
}

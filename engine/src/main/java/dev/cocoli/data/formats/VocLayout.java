package dev.cocoli.data.formats;

import dev.cocoli.data.DataException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Where a data set with VOC's XML files has its parts. VOC itself has {@code JPEGImages}, {@code
 * Annotations} and {@code ImageSets/Main}; others have {@code images} beside {@code annotations},
 * {@code annots}, {@code labels} or {@code xml}, or the XML files beside the images, and most have
 * no lists.
 *
 * @param root the folder of the data set, for messages
 * @param images the folder of the images
 * @param annotations the folder of the XML files
 * @param lists the folder of the lists of the splits; empty if there are none
 */
record VocLayout(Path root, Path images, Path annotations, Optional<Path> lists) {

  /** JSON files that may be the splits of a COCO data set, and not one per image. */
  private static final int FEW_FILES = 4;

  private static final List<String> ANNOTATIONS =
      List.of("annotations", "annotation", "annots", "xml", "xmls", "labels", "label");
  private static final List<String> IMAGES =
      List.of("jpegimages", "images", "image", "imgs", "img", "pngimages", "photos");

  /**
   * Returns what {@link #find} found.
   *
   * @param found that
   * @param root the folder of the data set
   * @param given the folder of the images, if it is known
   * @throws DataException if there is no folder with XML files; the message says what is expected
   */
  static VocLayout require(Optional<VocLayout> found, Path root, Optional<Path> given) {
    if (!Files.isDirectory(root)) {
      throw new DataException(root + ": there is no such folder");
    }
    if (given.isPresent() && !Files.isDirectory(given.get())) {
      throw new DataException(given.get() + ": there is no such folder of images");
    }
    return found.orElseThrow(() -> new DataException(missing(root)));
  }

  /** Returns the parts of a data set; nothing if there is no folder with XML files. */
  static Optional<VocLayout> find(Path root, Optional<Path> given) {
    List<Path> inside = folders(root);
    Optional<Path> beside = given.or(() -> named(inside, IMAGES));
    Optional<Path> lists =
        named(inside, List.of("imagesets"))
            .map(sets -> named(folders(sets), List.of("main")).orElse(sets));
    return named(inside, ANNOTATIONS)
        .filter(found -> lists.isPresent() || hasXml(found))
        .or(() -> Optional.of(root).filter(VocLayout::hasXml))
        .or(() -> beside.filter(VocLayout::hasXml))
        .map(
            annotations ->
                new VocLayout(
                    root,
                    beside.orElse(hasImages(annotations) ? annotations : root),
                    annotations,
                    lists));
  }

  private static boolean hasImages(Path folder) {
    return NamedFiles.visible(folder).stream().anyMatch(NamedFiles::isImage);
  }

  private static boolean hasXml(Path folder) {
    return NamedFiles.visible(folder).stream()
        .anyMatch(file -> NamedFiles.hasExtension(file, "xml"));
  }

  /** The first folder whose name is, but for its case, one of those given, in their order. */
  private static Optional<Path> named(List<Path> folders, List<String> names) {
    return names.stream()
        .flatMap(
            name -> folders.stream().filter(f -> f.getFileName().toString().equalsIgnoreCase(name)))
        .findFirst();
  }

  private static List<Path> folders(Path parent) {
    try (Stream<Path> inside = Files.list(parent)) {
      return inside.filter(Files::isDirectory).sorted().toList();
    } catch (IOException | UncheckedIOException e) {
      throw new DataException(parent + ": cannot be read (" + e.getMessage() + ")", e);
    }
  }

  private static String missing(Path root) {
    return "%s: %s no folder with XML annotations; a VOC data set has JPEGImages/NAME.jpg (or images), Annotations/NAME.xml (or annots, labels, xml; or beside the images) and, if it has splits, ImageSets/Main/SPLIT.txt with one NAME per line%s"
        .formatted(root, isEmpty(root) ? "is empty, it has" : "has", hint(root));
  }

  private static boolean isEmpty(Path folder) {
    try (Stream<Path> inside = Files.list(folder)) {
      return inside.findAny().isEmpty();
    } catch (IOException e) {
      throw new DataException(folder + ": cannot be read (" + e.getMessage() + ")", e);
    }
  }

  /** A hint for the original archives, which have VOCdevkit/VOC2007, and for other formats. */
  private static String hint(Path root) {
    try (Stream<Path> walk = Files.walk(root, 2)) {
      List<Path> below = walk.filter(path -> !path.equals(root)).sorted().toList();
      List<Path> json =
          below.stream().filter(path -> NamedFiles.hasExtension(path, "json")).toList();
      return below.stream()
          .filter(path -> Files.isDirectory(path) && find(path, Optional.empty()).isPresent())
          .findFirst()
          .or(() -> json.stream().limit(json.size() <= FEW_FILES ? 1 : 0).findFirst())
          .map(path -> "; did you mean " + path + "?")
          .orElseGet(() -> YoloLabels.areIn(root) ? "; " + YoloLabels.ADVICE : "");
    } catch (IOException | UncheckedIOException e) {
      return "";
    }
  }
}

package dev.cocoli.data.formats;

import dev.cocoli.data.DataException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
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

  private static final List<String> ANNOTATIONS =
      List.of("annotations", "annotation", "annots", "xml", "xmls", "labels", "label");
  private static final List<String> IMAGES =
      List.of("jpegimages", "images", "image", "imgs", "img", "pngimages", "photos");

  /**
   * Finds the parts of a data set.
   *
   * @param root its folder
   * @param given the folder of the images, if it is known
   * @throws DataException if there is no folder with XML files; the message says what is expected
   */
  static VocLayout of(Path root, Optional<Path> given) {
    if (!Files.isDirectory(root)) {
      throw new DataException(root + ": there is no such folder");
    }
    if (given.isPresent() && !Files.isDirectory(given.get())) {
      throw new DataException(given.get() + ": there is no such folder of images");
    }
    return find(root, given).orElseThrow(() -> new DataException(missing(root)));
  }

  /** Returns the parts of a data set; nothing if there is no folder with XML files. */
  static Optional<VocLayout> find(Path root, Optional<Path> given) {
    Optional<Path> beside = given.or(() -> folder(root, IMAGES));
    return folder(root, ANNOTATIONS)
        .filter(found -> hasXml(found) || lists(root).isPresent())
        .or(() -> Optional.of(root).filter(VocLayout::hasXml))
        .or(() -> beside.filter(VocLayout::hasXml))
        .map(
            annotations ->
                new VocLayout(
                    root,
                    beside.orElse(hasImages(annotations) ? annotations : root),
                    annotations,
                    lists(root)));
  }

  private static boolean hasImages(Path folder) {
    return NamedFiles.visible(folder).stream().anyMatch(NamedFiles::isImage);
  }

  static boolean hasXml(Path folder) {
    return NamedFiles.visible(folder).stream()
        .anyMatch(file -> NamedFiles.hasExtension(file, "xml"));
  }

  private static Optional<Path> lists(Path root) {
    return folder(root, List.of("imagesets"))
        .map(sets -> folder(sets, List.of("main")).orElse(sets));
  }

  /** The folder directly in another whose name is, but for its case, one of those given. */
  private static Optional<Path> folder(Path parent, List<String> names) {
    try (Stream<Path> inside = Files.list(parent)) {
      List<Path> folders = inside.filter(Files::isDirectory).sorted().toList();
      return names.stream()
          .flatMap(
              name ->
                  folders.stream()
                      .filter(
                          f -> f.getFileName().toString().toLowerCase(Locale.ROOT).equals(name)))
          .findFirst();
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

  /** A hint for the original archives, which have the data set in VOCdevkit/VOC2007. */
  private static String hint(Path root) {
    try (Stream<Path> below = Files.walk(root, 2)) {
      return below
          .filter(path -> !path.equals(root) && Files.isDirectory(path))
          .sorted()
          .filter(path -> find(path, Optional.empty()).isPresent())
          .findFirst()
          .map(path -> "; did you mean " + path + "?")
          .orElse("");
    } catch (IOException | UncheckedIOException e) {
      return "";
    }
  }
}

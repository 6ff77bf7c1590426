package dev.cocoli.cli;

import dev.cocoli.cli.terminal.CommandException;
import dev.cocoli.data.formats.NamedFiles;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Stream;

/** Finds the images that the command line names. */
final class ImageFiles {
  /**
   * The extensions of images, including formats that cannot be decoded, so that such files are
   * reported and not ignored.
   */
  private static final Set<String> EXTENSIONS =
      Set.of(
          "jpg", "jpeg", "jpe", "jfif", "png", "bmp", "gif", "webp", "tif", "tiff", "avif", "heic",
          "jp2");

  /** How many levels below a folder without images are looked at, to say where some are. */
  private static final int DEPTH = 3;

  private ImageFiles() {}

  /**
   * Returns the files, and the images directly in the folders, sorted by name, without hidden ones:
   * macOS leaves {@code ._NAME} beside each file that it copies.
   */
  static List<Path> of(List<Path> filesAndFolders) throws IOException {
    List<Path> images = new ArrayList<>();
    for (Path path : filesAndFolders) {
      if (Files.isDirectory(path)) {
        images.addAll(in(path));
      } else {
        images.add(path); // with any extension; decoding shows whether it is an image
      }
    }
    return images;
  }

  private static List<Path> in(Path folder) throws IOException {
    List<Path> found = NamedFiles.visible(folder).stream().filter(ImageFiles::isImage).toList();
    if (found.isEmpty()) {
      throw new CommandException(folder + ": there is no image in this folder" + deeper(folder));
    }
    return found;
  }

  /** Returns which folder below has images, in words. */
  private static String deeper(Path folder) throws IOException {
    try (Stream<Path> below = Files.walk(folder, DEPTH)) {
      return below
          .filter(path -> isImage(path) && Files.isRegularFile(path))
          .map(Path::getParent)
          .min(Comparator.naturalOrder())
          .map(found -> " itself, but in folders below it: give these, such as " + found)
          .orElse("");
    } catch (UncheckedIOException e) {
      return ""; // a folder that cannot be read
    }
  }

  private static boolean isImage(Path file) {
    String name = file.getFileName().toString();
    String extension = name.substring(name.lastIndexOf('.') + 1).toLowerCase(Locale.ROOT);
    return EXTENSIONS.contains(extension);
  }
}

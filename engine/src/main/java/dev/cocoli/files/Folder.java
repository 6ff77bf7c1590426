package dev.cocoli.files;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.stream.Stream;

/** A folder that is handled as a whole. */
public final class Folder {
  private Folder() {}

  /**
   * Deletes a folder with all that is in it; links are deleted, not followed. Does nothing if there
   * is none.
   *
   * @param folder the folder
   * @throws IOException if something of it cannot be deleted
   */
  public static void delete(Path folder) throws IOException {
    if (Files.exists(folder)) {
      try (Stream<Path> inside = Files.walk(folder)) {
        for (Path path : inside.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(path);
        }
      }
    }
  }
}

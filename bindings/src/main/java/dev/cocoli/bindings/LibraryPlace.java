package dev.cocoli.bindings;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** A place that is searched for NVIDIA's libraries: a directory, or a jar of the class path. */
sealed interface LibraryPlace permits LibraryDirectory, LibraryJar {
  /** The reason why it is searched, for example {@code LD_LIBRARY_PATH}. */
  String source();

  /** The directory or jar. */
  Path path();

  /**
   * Returns the name of a file that this place has.
   *
   * @param name the file's name; if it ends in a star, the highest file that begins alike
   */
  Optional<String> find(String name);

  /**
   * Returns a file that can be loaded, beside the others of its kind; a jar is unpacked for that.
   *
   * @param library the library that the file belongs to
   * @param name a name that {@link #find} has returned
   * @throws IOException if it cannot be unpacked
   */
  Path file(NvidiaLibrary library, String name) throws IOException;

  /** The highest of the names that fit. */
  static Optional<String> highest(List<String> names, String name) {
    String start = name.endsWith("*") ? name.substring(0, name.length() - 1) : null;
    return names.stream()
        .filter(each -> start == null ? each.equals(name) : each.startsWith(start))
        .max(String::compareTo);
  }
}

package dev.cocoli.bindings;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * What is known of one native library.
 *
 * @param name what people call it
 * @param file the file that was found
 * @param version what the library itself says; empty as long as it is not loaded
 * @param tried the paths that were tried, in order; the last one led to the file if it was found
 * @param problem one line that says why the library cannot be used; empty when it can
 * @param remedy one line that says how to get it
 */
public record LibraryReport(
    String name,
    Optional<Path> file,
    Optional<String> version,
    List<Path> tried,
    Optional<String> problem,
    String remedy) {
  /** Copies the list. */
  public LibraryReport {
    tried = List.copyOf(tried);
  }
}

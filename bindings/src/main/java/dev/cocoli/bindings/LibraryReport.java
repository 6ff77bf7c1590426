package dev.cocoli.bindings;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * The result of looking for one native library.
 *
 * @param name its usual name
 * @param file the file that was found; in a jar, until it is loaded, the jar's path and the name
 * @param place the place that had it; empty if none had, and for oneDNN
 * @param version the version that the library returns; empty until it is loaded
 * @param tried the paths that were tried, in order; the last one is the file if it was found
 * @param problem one line that says why the library cannot be used; empty if it can
 * @param remedy one line that says how to get it
 */
public record LibraryReport(
    String name,
    Optional<Path> file,
    Optional<SearchedPlace> place,
    Optional<String> version,
    List<Path> tried,
    Optional<String> problem,
    String remedy) {
  /** Copies the list. */
  public LibraryReport {
    tried = List.copyOf(tried);
  }
}

package dev.cocoli.bindings;

import java.nio.file.Path;

/**
 * A directory, or a jar of the class path, that was searched for libraries.
 *
 * @param source the reason why it was searched, for example {@code LD_LIBRARY_PATH}
 * @param directory the directory, which need not exist, or the jar
 */
public record SearchedPlace(String source, Path directory) {
  /**
   * Returns whether the application has brought the place on its class path or module path.
   *
   * @return true for JavaCPP's jars, and for a folder with their contents
   */
  public boolean isOfClassPath() {
    return source.equals(LibraryJar.SOURCE);
  }
}

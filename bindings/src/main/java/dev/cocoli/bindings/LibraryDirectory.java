package dev.cocoli.bindings;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * A directory that is searched for libraries.
 *
 * @param source the reason why it is searched
 * @param path the directory, which need not exist
 */
record LibraryDirectory(String source, Path path) implements LibraryPlace {
  @Override
  public Optional<String> find(String name) {
    if (name.endsWith("*")) {
      List<String> names =
          SearchPath.glob(path, name).stream().map(file -> file.getFileName().toString()).toList();
      return LibraryPlace.highest(names, name);
    }
    return Files.isRegularFile(path.resolve(name)) ? Optional.of(name) : Optional.empty();
  }

  @Override
  public Path file(NvidiaLibrary library, String name) {
    return path.resolve(name);
  }
}

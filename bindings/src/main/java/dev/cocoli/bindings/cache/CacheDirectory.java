package dev.cocoli.bindings.cache;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;

/**
 * The directories for files that can be created again, such as unpacked libraries and compiled
 * kernels. What lies in them is loaded as machine code, therefore a directory that another user can
 * change is not used (ADR 14).
 */
public final class CacheDirectory {
  /** The property that names the directory; it comes before the variable. */
  static final String PROPERTY = "cocoli.cache";

  /** The variable that names the directory. */
  static final String VARIABLE = "COCOLI_CACHE";

  private CacheDirectory() {}

  /**
   * A directory that may serve as the cache.
   *
   * @param source why it may: the variable's or property's name; empty for one that nobody named
   * @param directory the directory, which need not exist
   */
  record Place(String source, Path directory) {
    @Override
    public String toString() {
      return source.isEmpty() ? directory.toString() : source + "=" + directory;
    }
  }

  /**
   * Returns a directory in the first cache that this process can write. The order is: the property
   * {@code cocoli.cache}, the variable {@code COCOLI_CACHE}, {@code cocoli} in {@code
   * XDG_CACHE_HOME} or else in {@code ~/.cache}, {@code cocoli-UID} in the temporary directory.
   *
   * @param name the directory's name in the cache
   * @return the directory, which exists; empty if there is none that can be used
   */
  public static Optional<Path> writable(String name) {
    for (Place place : places()) {
      try {
        Path directory = FileTrust.directory(make(place.directory().resolve(name)));
        if (Files.isWritable(directory)) {
          return Optional.of(directory);
        }
      } catch (IOException e) {
        continue; // the next one may do
      }
    }
    return Optional.empty();
  }

  /**
   * Describes the caches in their order, for messages.
   *
   * @return the directories, separated by commas
   */
  public static String describe() {
    return places().stream().map(Place::toString).collect(Collectors.joining(", "));
  }

  /** The caches of this process, in their order. */
  static List<Place> places() {
    return places(System::getProperty, System::getenv);
  }

  static List<Place> places(UnaryOperator<String> properties, UnaryOperator<String> environment) {
    List<Place> places = new ArrayList<>();
    String property = properties.apply(PROPERTY);
    String variable = environment.apply(VARIABLE);
    if (isSet(property)) {
      places.add(new Place(PROPERTY, Path.of(property).toAbsolutePath()));
    } else if (isSet(variable)) {
      places.add(new Place(VARIABLE, Path.of(variable).toAbsolutePath()));
    }
    String xdg = environment.apply("XDG_CACHE_HOME");
    // without a home Java's is "?"
    String home = properties.apply("user.home");
    if (isSet(xdg) && Path.of(xdg).isAbsolute()) {
      places.add(new Place("", Path.of(xdg, "cocoli")));
    } else if (isSet(home) && Path.of(home).isAbsolute()) {
      places.add(new Place("", Path.of(home, ".cache", "cocoli")));
    }
    places.add(
        new Place(
            "",
            Path.of(properties.apply("java.io.tmpdir"))
                .toAbsolutePath()
                .resolve("cocoli-" + FileTrust.user())));
    return places;
  }

  /** Makes a directory and those above it that are missing, for this user alone. */
  static Path make(Path directory) throws IOException {
    if (!Files.isDirectory(directory)) {
      FileAttribute<?>[] mode =
          FileSystems.getDefault().supportedFileAttributeViews().contains("posix")
              ? new FileAttribute<?>[] {
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"))
              }
              : new FileAttribute<?>[0];
      Files.createDirectories(directory, mode);
    }
    return directory;
  }

  /** The reason why a directory cannot be used, in words; Java's has often the path alone. */
  static String reason(IOException e) {
    return switch (e) {
      case AccessDeniedException denied -> "no permission for " + denied.getFile();
      case FileAlreadyExistsException there -> there.getFile() + " is no directory";
      default -> e.getMessage();
    };
  }

  private static boolean isSet(String value) {
    return value != null && !value.isBlank();
  }
}

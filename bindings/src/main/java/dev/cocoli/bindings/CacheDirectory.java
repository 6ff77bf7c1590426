package dev.cocoli.bindings;

import java.nio.file.Path;

/**
 * The directory for files that can be created again, such as unpacked libraries and compiled
 * kernels.
 */
public final class CacheDirectory {
  private CacheDirectory() {}

  /**
   * Returns this user's directory: the property {@code cocoli.cache}, else the variable {@code
   * COCOLI_CACHE}, else {@code cocoli} in {@code XDG_CACHE_HOME} or in {@code ~/.cache}.
   *
   * @return the directory, which need not exist yet
   */
  public static Path ofUser() {
    String explicit = System.getProperty("cocoli.cache", System.getenv("COCOLI_CACHE"));
    if (explicit != null && !explicit.isBlank()) {
      return Path.of(explicit).toAbsolutePath();
    }
    String xdg = System.getenv("XDG_CACHE_HOME");
    return xdg != null && !xdg.isBlank()
        ? Path.of(xdg, "cocoli").toAbsolutePath()
        : Path.of(System.getProperty("user.home"), ".cache", "cocoli").toAbsolutePath();
  }
}

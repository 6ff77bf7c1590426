package dev.cocoli.bindings.onednn;

import dev.cocoli.bindings.NativeLibraryException;
import dev.cocoli.bindings.cache.LibraryCache;
import java.io.IOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.FileSystemNotFoundException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.CodeSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Finds the files of oneDNN: in the folder {@code native} beside the jar of this class, where a
 * bundle has them, or else in the jar of {@code cocoli-natives}, from which they are unpacked into
 * the cache.
 */
public final class OneDnnFiles {
  /** The files in the order of loading: oneDNN needs the OpenMP library. */
  private static final List<String> NAMES = List.of("libgomp.so.1", "libdnnl.so.3");

  private static final String MODULE = "dev.cocoli.natives";

  private OneDnnFiles() {}

  /**
   * Returns the files, in the order of loading.
   *
   * @throws NativeLibraryException if they are not found or cannot be unpacked
   */
  static List<Path> locate() {
    Optional<Path> folder = besideTheJar();
    if (folder.isPresent()) {
      return NAMES.stream().map(folder.get()::resolve).toList();
    }
    List<URL> resources = new ArrayList<>();
    for (String name : NAMES) {
      resources.add(resource(name));
    }
    try {
      return LibraryCache.ofProcess().unpack("onednn", resources);
    } catch (IOException e) {
      throw new NativeLibraryException(
          "oneDNN",
          "cannot unpack: "
              + e.getMessage()
              + "; set COCOLI_CACHE to a directory of this user that can be written",
          e);
    }
  }

  private static Optional<Path> besideTheJar() {
    CodeSource source = OneDnnFiles.class.getProtectionDomain().getCodeSource();
    if (source == null || !"file".equals(source.getLocation().getProtocol())) {
      return Optional.empty(); // in an image of jlink, or in a jar in a jar
    }
    try {
      Path folder = Path.of(source.getLocation().toURI()).resolveSibling("native");
      boolean complete = NAMES.stream().allMatch(name -> Files.isRegularFile(folder.resolve(name)));
      return complete ? Optional.of(folder) : Optional.empty();
    } catch (URISyntaxException | IllegalArgumentException | FileSystemNotFoundException e) {
      return Optional.empty(); // a class loader's own kind of location
    }
  }

  private static URL resource(String name) {
    String platform = platform();
    ClassLoader loader = loader();
    URL found = loader.getResource("dev/cocoli/natives/" + platform + "/" + name);
    if (found == null) {
      // the jar of another platform, as JavaCPP publishes it
      found = loader.getResource("org/bytedeco/dnnl/" + platform + "/" + name);
    }
    if (found == null) {
      throw new NativeLibraryException(
          "oneDNN",
          name
              + " for "
              + platform
              + " is on neither the class path nor the module path; add the jar"
              + " dev.cocoli:cocoli-natives, or for another platform than linux-x86_64 the jar"
              + " org.bytedeco:dnnl with the classifier "
              + platform,
          null);
    }
    return found;
  }

  /** In a module layer each module may have a class loader of its own. */
  private static ClassLoader loader() {
    ModuleLayer layer = OneDnnFiles.class.getModule().getLayer();
    return layer != null && layer.findModule(MODULE).isPresent()
        ? layer.findLoader(MODULE)
        : OneDnnFiles.class.getClassLoader();
  }

  /** {@return the name of this machine's platform in the jars, such as {@code linux-x86_64}} */
  public static String platform() {
    String os = System.getProperty("os.name").toLowerCase(Locale.ROOT);
    String arch = System.getProperty("os.arch");
    String system = os.startsWith("mac") ? "macosx" : os.startsWith("win") ? "windows" : os;
    return system
        + "-"
        + switch (arch) {
          case "amd64", "x86_64" -> "x86_64";
          case "aarch64" -> "arm64";
          default -> arch;
        };
  }
}

package dev.cocoli.bindings;

import dev.cocoli.bindings.onednn.Dnnl;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.module.ModuleFinder;
import java.lang.module.ModuleReader;
import java.lang.module.ModuleReference;
import java.net.URI;
import java.net.URL;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Loads oneDNN from the jar of its platform on the class path or the module path. After {@link
 * #load()} the functions of {@link dev.cocoli.bindings.onednn.Dnnl} can be called.
 */
public final class OneDnn {
  /** The files in the order of loading: oneDNN needs the OpenMP library. */
  private static final List<String> FILES = List.of("libgomp.so.1", "libdnnl.so.3");

  private static Path loaded;

  private OneDnn() {}

  /**
   * Loads the library with {@link OpenMpSettings#defaults()}, once.
   *
   * @return the library's file
   * @throws NativeLibraryException if it is on neither path or cannot be loaded
   */
  public static Path load() {
    return load(OpenMpSettings.defaults());
  }

  /**
   * Loads the library once. Later calls return at once, whatever their settings.
   *
   * @param settings the settings of OpenMP
   * @return the library's file
   * @throws NativeLibraryException if it is on neither path or cannot be loaded
   */
  public static synchronized Path load(OpenMpSettings settings) {
    if (loaded == null) {
      List<Path> files = unpack();
      try (ProcessEnvironment _ = settings.apply()) {
        files.forEach(file -> System.load(file.toString()));
      } catch (UnsatisfiedLinkError e) {
        throw new NativeLibraryException(
            "oneDNN",
            "cannot load "
                + files.getLast()
                + " ("
                + e.getMessage()
                + "); if its directory is mounted noexec, set COCOLI_CACHE to another one",
            e);
      }
      loaded = files.getLast();
    }
    return loaded;
  }

  /**
   * Returns the widest instruction set that oneDNN uses: the processor's, or the one that
   * ONEDNN_MAX_CPU_ISA allows.
   *
   * @return its name in oneDNN, for example {@code avx512_core}
   * @throws NativeLibraryException if the library cannot be loaded
   */
  public static String instructionSet() {
    load();
    return InstructionSets.name(Dnnl.dnnl_get_effective_cpu_isa());
  }

  private static List<Path> unpack() {
    String platform = platform();
    List<URL> resources = new ArrayList<>();
    for (String file : FILES) {
      String name = "org/bytedeco/dnnl/" + platform + "/" + file;
      resources.add(
          onClassPath(name)
              .or(() -> onModulePath(name, platform))
              .orElseThrow(
                  () ->
                      new NativeLibraryException(
                          "oneDNN",
                          name
                              + " is on neither the class path nor the module path; add the jar"
                              + " org.bytedeco:dnnl with the classifier "
                              + platform,
                          null)));
    }
    try {
      return LibraryCache.ofUser().unpack("onednn", resources);
    } catch (IOException e) {
      throw new NativeLibraryException(
          "oneDNN",
          "cannot unpack into "
              + CacheDirectory.ofUser()
              + " ("
              + e
              + "); set COCOLI_CACHE to a directory that can be written",
          e);
    }
  }

  private static Optional<URL> onClassPath(String name) {
    return Optional.ofNullable(OneDnn.class.getClassLoader().getResource(name));
  }

  /**
   * Finds the file in the jar on the module path. The jar is a module that requires the rest of
   * JavaCPP, which is not needed, so no module requires it and the class loader does not know it.
   */
  private static Optional<URL> onModulePath(String name, String platform) {
    Path[] places =
        Pattern.compile(File.pathSeparator, Pattern.LITERAL)
            .splitAsStream(System.getProperty("jdk.module.path", ""))
            .filter(place -> !place.isEmpty())
            .map(Path::of)
            .toArray(Path[]::new);
    Optional<ModuleReference> module =
        ModuleFinder.of(places).find("org.bytedeco.dnnl." + platform.replace('-', '.'));
    if (module.isEmpty()) {
      return Optional.empty();
    }
    try (ModuleReader reader = module.get().open()) {
      Optional<URI> file = reader.find(name);
      return file.isPresent() ? Optional.of(file.get().toURL()) : Optional.empty();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The name of this machine's platform in the jars' classifiers. */
  private static String platform() {
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

package dev.cocoli.bindings.onednn;

import dev.cocoli.bindings.NativeLibraryException;
import dev.cocoli.bindings.access.LoadedLibraries;
import dev.cocoli.bindings.access.ProcessEnvironment;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Loads oneDNN from the jar of its platform on the class path or the module path. After {@link
 * #load()} the functions of {@link dev.cocoli.bindings.onednn.Dnnl} can be called.
 *
 * <p>Several class loaders may load it at the same time. They share one library in the process, and
 * the settings of OpenMP with which the first one has loaded it.
 */
public final class OneDnn {
  private static Path loaded;

  private static SymbolLookup library;

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
      List<Path> files = OneDnnFiles.locate();
      try (ProcessEnvironment _ = settings.apply()) {
        for (Path file : files) {
          library = LoadedLibraries.load(file);
        }
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
   * Finds a function of oneDNN, or of the OpenMP library that it uses: another library of the
   * process may have brought its own before, and then it is that one.
   */
  static synchronized Optional<MemorySegment> find(String name) {
    load();
    return library.find(name);
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
}

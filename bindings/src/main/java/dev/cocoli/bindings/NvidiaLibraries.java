package dev.cocoli.bindings;

import dev.cocoli.bindings.access.LoadedLibraries;
import dev.cocoli.bindings.onednn.OneDnnFiles;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Finds and loads NVIDIA's libraries, which are too large to be part of the jar. No GPU is needed
 * for that.
 */
public final class NvidiaLibraries {
  /** The release of the runtime in which cudaLibraryLoadData and related functions appeared. */
  private static final int CUDA_RUNTIME_MINIMUM = 12_080;

  private static final Map<NvidiaLibrary, Path> LOADED = new EnumMap<>(NvidiaLibrary.class);

  private static LibrarySearch search;
  private static boolean warned;

  private NvidiaLibraries() {}

  /**
   * Loads libraries and those that they need, each once, and checks that they have the functions
   * that the bindings call. Those that lie in jars of the class path are unpacked into the cache.
   *
   * @param wanted the libraries
   * @throws NativeLibraryException if one is not found, cannot be unpacked, does not load, is too
   *     old or belongs to another CUDA release; the message names each missing library, the places
   *     that were searched and what to install
   */
  public static synchronized void load(NvidiaLibrary... wanted) {
    Set<NvidiaLibrary> all = EnumSet.noneOf(NvidiaLibrary.class);
    for (NvidiaLibrary library : wanted) {
      all.add(library);
      all.addAll(library.needs());
    }
    all.removeAll(LOADED.keySet());
    if (all.isEmpty()) {
      return;
    }
    List<NvidiaLibrary> missing =
        all.stream().filter(library -> search().hits().get(library).file().isEmpty()).toList();
    if (!missing.isEmpty()) {
      throw notFound(missing);
    }
    for (NvidiaLibrary library : all) {
      loadOne(library, unpacked(library));
    }
    if (!warned) {
      List<LibraryReport> loaded = LOADED.keySet().stream().map(NvidiaLibraries::report).toList();
      Optional<String> mixture = LibraryMixture.of(loaded);
      mixture.ifPresent(
          text -> System.getLogger(NvidiaLibraries.class.getName()).log(Level.WARNING, text));
      warned = mixture.isPresent();
    }
  }

  /**
   * Returns whether a library has been loaded.
   *
   * @param library the library
   * @return true after {@link #load} with this library, or with one that needs it
   */
  public static synchronized boolean isLoaded(NvidiaLibrary library) {
    return LOADED.containsKey(library);
  }

  /**
   * Returns the newest CUDA release that the machine's driver runs. Only the driver is loaded.
   *
   * @return 13000 for 13.0; empty without a driver, in which case no device can be used
   */
  public static OptionalInt driver() {
    return CudaDriver.newestCuda();
  }

  /**
   * Returns the directories and jars that are searched for libraries, in this order.
   *
   * @return at least the toolkit's and the system's
   */
  public static synchronized List<SearchedPlace> places() {
    return search().places().stream().map(NvidiaLibraries::searched).toList();
  }

  /**
   * Returns the result of the search for a library, without loading or unpacking anything.
   *
   * @param library the library
   * @return the file, or the places that were searched
   */
  public static synchronized LibraryReport report(NvidiaLibrary library) {
    LibrarySearch.Hit hit = search().hits().get(library);
    return new LibraryReport(
        library.displayName(),
        isLoaded(library) ? Optional.of(LOADED.get(library)) : hit.file(),
        hit.file().map(_ -> searched(search().places().get(hit.placeIndex()))),
        isLoaded(library) ? LibraryVersions.of(library) : Optional.empty(),
        hit.tried(),
        hit.file().isPresent()
            ? Optional.empty()
            : Optional.of(library.fileName(search().cudaMajor()) + " was not found"),
        remedy(List.of(library)));
  }

  private static synchronized LibrarySearch search() {
    if (search == null) {
      OptionalInt driver = CudaDriver.newestCuda();
      OptionalInt driverMajor =
          driver.isPresent() ? OptionalInt.of(driver.getAsInt() / 1000) : OptionalInt.empty();
      search = LibrarySearch.best(SearchPath.ofProcess(), driverMajor);
    }
    return search;
  }

  private static SearchedPlace searched(LibraryPlace place) {
    return new SearchedPlace(place.source(), place.path());
  }

  /** The file of a library that was found, in a directory. */
  private static Path unpacked(NvidiaLibrary library) {
    LibrarySearch.Hit hit = search().hits().get(library);
    Path file = hit.file().orElseThrow();
    try {
      return search().places().get(hit.placeIndex()).file(library, file.getFileName().toString());
    } catch (IOException e) {
      throw new NativeLibraryException(
          library.displayName(),
          "cannot unpack "
              + file
              + ": "
              + e.getMessage()
              + "; set COCOLI_CACHE to a directory of this user that has room",
          e);
    }
  }

  private static void loadOne(NvidiaLibrary library, Path file) {
    SymbolLookup loaded;
    try {
      loaded = LoadedLibraries.load(file);
    } catch (UnsatisfiedLinkError e) {
      throw new NativeLibraryException(
          library.displayName(), "cannot load " + file + " (" + e.getMessage() + ")", e);
    }
    if (library.allowList() != null) {
      List<String> unresolved = AllowList.unresolved(library.allowList(), loaded);
      if (!unresolved.isEmpty()) {
        throw new NativeLibraryException(
            library.displayName(),
            file
                + " is too old, it lacks "
                + String.join(", ", unresolved.subList(0, Math.min(3, unresolved.size())))
                + (unresolved.size() > 3 ? " and " + (unresolved.size() - 3) + " more" : "")
                + "; "
                + remedy(List.of(library)),
            null);
      }
    }
    checkRelease(library, file);
    LOADED.put(library, file);
  }

  /**
   * Rejects combinations that would fail at the first use: a CUDA runtime that is too old to load
   * kernels, or a cuDNN of the other CUDA release.
   */
  private static void checkRelease(NvidiaLibrary library, Path file) {
    if (library == NvidiaLibrary.CUDA_RUNTIME) {
      int version = LibraryVersions.cudaRuntime();
      if (version < CUDA_RUNTIME_MINIMUM) {
        throw new NativeLibraryException(
            library.displayName(),
            file + " is CUDA " + LibraryVersions.cuda(version) + ", 12.8 or later is needed",
            null);
      }
    } else if (library == NvidiaLibrary.CUDNN) {
      int major = LibraryVersions.cudnnCudaMajor();
      if (major != search().cudaMajor()) {
        throw new NativeLibraryException(
            library.displayName(),
            file
                + " is built for CUDA "
                + major
                + ", the CUDA runtime in use is of release "
                + search().cudaMajor()
                + "; "
                + remedy(List.of(library)),
            null);
      }
    }
  }

  private static NativeLibraryException notFound(List<NvidiaLibrary> missing) {
    int major = search().cudaMajor();
    String names =
        missing.stream()
            .map(library -> library.displayName() + " (" + library.fileName(major) + ")")
            .collect(Collectors.joining(", "));
    String places =
        search().places().stream()
            .map(place -> place.path().toString())
            .collect(Collectors.joining(", "));
    return new NativeLibraryException(
        "CUDA", "not found: " + names + "; tried: " + places + "; " + remedy(missing), null);
  }

  private static String remedy(List<NvidiaLibrary> libraries) {
    int major = search().cudaMajor();
    Set<String> packages = new LinkedHashSet<>();
    Set<String> jars = new LinkedHashSet<>();
    for (NvidiaLibrary library : libraries) {
      packages.add(library.packageName(major));
      jars.add(library.jarName());
    }
    return "install with \"pip install "
        + String.join(" ", packages)
        + "\", add "
        + String.join(", ", jars)
        + " with the classifier "
        + OneDnnFiles.platform()
        + " to the class path, or set "
        + SearchPath.VARIABLE
        + " to the directories, or to the Python environment, that have it";
  }
}

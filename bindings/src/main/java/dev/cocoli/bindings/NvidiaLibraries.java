package dev.cocoli.bindings;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Finds and loads NVIDIA's libraries, which are too large to come with the jar. Nothing here needs
 * a GPU.
 */
public final class NvidiaLibraries {
  /** cudaLibraryLoadData and its kin appeared in this release of the runtime. */
  private static final int CUDA_RUNTIME_MINIMUM = 12_080;

  private static final Map<NvidiaLibrary, Path> LOADED = new EnumMap<>(NvidiaLibrary.class);

  private static LibrarySearch search;

  private NvidiaLibraries() {}

  /**
   * Loads libraries and what they need, each once, and checks that they have what the bindings
   * call.
   *
   * @param wanted the libraries
   * @throws NativeLibraryException when one is not found, does not load, is too old or is for
   *     another CUDA release; the message names each library that is missing, where was looked and
   *     what to install
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
      loadOne(library, search().hits().get(library).file().orElseThrow());
    }
  }

  /**
   * Whether a library has been loaded.
   *
   * @param library the library
   * @return true after {@link #load} with it, or with one that needs it
   */
  public static synchronized boolean isLoaded(NvidiaLibrary library) {
    return LOADED.containsKey(library);
  }

  /**
   * The newest CUDA release that the machine's driver runs. Nothing is loaded but the driver.
   *
   * @return 13000 for 13.0; empty without a driver, when no device can be used
   */
  public static OptionalInt driver() {
    return CudaDriver.newestCuda();
  }

  /**
   * The directories in which libraries are looked for, in this order.
   *
   * @return at least the toolkit's and the system's
   */
  public static List<SearchedPlace> places() {
    return search().places();
  }

  /**
   * What was found, without loading anything that is not loaded yet.
   *
   * @param library the library
   * @return where it is, or where it was looked for
   */
  public static synchronized LibraryReport report(NvidiaLibrary library) {
    LibrarySearch.Hit hit = search().hits().get(library);
    return new LibraryReport(
        library.displayName(),
        hit.file(),
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

  private static void loadOne(NvidiaLibrary library, Path file) {
    try {
      System.load(file.toString());
    } catch (UnsatisfiedLinkError e) {
      throw new NativeLibraryException(
          library.displayName(), "cannot load " + file + " (" + e.getMessage() + ")", e);
    }
    if (library.allowList() != null) {
      List<String> unresolved = AllowList.unresolved(library.allowList());
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
   * Catches what would fail at the first use: a runtime without libraries, a cuDNN of the other.
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
            .map(place -> place.directory().toString())
            .collect(Collectors.joining(", "));
    return new NativeLibraryException(
        "CUDA", "not found: " + names + "; tried: " + places + "; " + remedy(missing), null);
  }

  private static String remedy(List<NvidiaLibrary> libraries) {
    int major = search().cudaMajor();
    List<String> packages = new ArrayList<>();
    for (NvidiaLibrary library : libraries) {
      if (!packages.contains(library.packageName(major))) {
        packages.add(library.packageName(major));
      }
    }
    return "install with \"pip install "
        + String.join(" ", packages)
        + "\", or set "
        + SearchPath.VARIABLE
        + " to the directories, or to the Python environment, that have it";
  }
}

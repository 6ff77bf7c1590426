package dev.cocoli.bindings;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * The result of searching for one set of NVIDIA's libraries, all of the same CUDA release.
 * Libraries of CUDA 13 and 12 may lie side by side, but cannot be used together.
 *
 * @param cudaMajor the release of the set
 * @param places the places that were searched, in this order
 * @param hits the files found, by library
 */
record LibrarySearch(int cudaMajor, List<SearchedPlace> places, Map<NvidiaLibrary, Hit> hits) {
  /** The CUDA releases that the bindings support, the preferred one first. */
  private static final int[] CUDA_MAJORS = {13, 12};

  /**
   * The result of the search for one library.
   *
   * @param file the library, if it was found
   * @param placeIndex the index of the place that had it; the number of places if none had
   * @param tried the paths that were tried, up to the one that was found
   */
  record Hit(Optional<Path> file, int placeIndex, List<Path> tried) {}

  /**
   * Returns the set that fits the machine best: one that the driver can run before one that it
   * cannot, then the more complete one, then the one whose CUDA runtime is nearer the front of the
   * path.
   *
   * @param places the places to search
   * @param driverMajor the newest CUDA release that the driver runs; empty without a driver
   */
  static LibrarySearch best(List<SearchedPlace> places, OptionalInt driverMajor) {
    LibrarySearch best = null;
    for (int major : CUDA_MAJORS) {
      LibrarySearch search = of(places, major);
      if (best == null || search.isBetterThan(best, driverMajor)) {
        best = search;
      }
    }
    return best;
  }

  private boolean isBetterThan(LibrarySearch other, OptionalInt driverMajor) {
    if (driverMajor.isPresent()) {
      boolean runs = cudaMajor <= driverMajor.getAsInt();
      boolean otherRuns = other.cudaMajor <= driverMajor.getAsInt();
      if (runs != otherRuns) {
        // even if it is not installed: then it is the one to install
        return runs;
      }
    }
    if (foundCount() != other.foundCount()) {
      return foundCount() > other.foundCount();
    }
    return hits.get(NvidiaLibrary.CUDA_RUNTIME).placeIndex
        < other.hits.get(NvidiaLibrary.CUDA_RUNTIME).placeIndex;
  }

  private long foundCount() {
    return hits.values().stream().filter(hit -> hit.file.isPresent()).count();
  }

  private static LibrarySearch of(List<SearchedPlace> places, int major) {
    Map<NvidiaLibrary, Hit> hits = new EnumMap<>(NvidiaLibrary.class);
    for (NvidiaLibrary library : NvidiaLibrary.values()) {
      if (library.companion() == library) {
        hits.put(library, find(places, library.fileName(major), Optional.empty()));
      }
    }
    for (NvidiaLibrary library : NvidiaLibrary.values()) {
      if (library.companion() != library) {
        Optional<Path> beside = hits.get(library.companion()).file.map(Path::getParent);
        hits.put(library, find(places, library.fileName(major), beside));
      }
    }
    return new LibrarySearch(major, places, hits);
  }

  private static Hit find(List<SearchedPlace> places, String name, Optional<Path> first) {
    List<Path> tried = new ArrayList<>();
    if (first.isPresent()) {
      Optional<Path> file = inDirectory(first.get(), name, tried);
      if (file.isPresent()) {
        return new Hit(file, 0, tried);
      }
    }
    for (int i = 0; i < places.size(); i++) {
      Optional<Path> file = inDirectory(places.get(i).directory(), name, tried);
      if (file.isPresent()) {
        return new Hit(file, i, tried);
      }
    }
    return new Hit(Optional.empty(), places.size(), tried);
  }

  private static Optional<Path> inDirectory(Path directory, String name, List<Path> tried) {
    Path path = directory.resolve(name);
    tried.add(path);
    if (name.endsWith("*")) {
      // "libnvrtc-builtins.so.13.*": the file of the highest release
      return SearchPath.glob(directory, name).stream().reduce((lower, higher) -> higher);
    }
    return Files.isRegularFile(path) ? Optional.of(path) : Optional.empty();
  }
}

package dev.cocoli.bindings;

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
record LibrarySearch(int cudaMajor, List<LibraryPlace> places, Map<NvidiaLibrary, Hit> hits) {
  /**
   * The result of the search for one library.
   *
   * @param file the library, if it was found; in a jar, the jar's path and the name
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
  static LibrarySearch best(List<LibraryPlace> places, OptionalInt driverMajor) {
    LibrarySearch best = null;
    for (int major : NvidiaLibrary.CUDA_MAJORS) {
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

  private static LibrarySearch of(List<LibraryPlace> places, int major) {
    Map<NvidiaLibrary, Hit> hits = new EnumMap<>(NvidiaLibrary.class);
    for (NvidiaLibrary library : NvidiaLibrary.values()) {
      if (library.companion() == library) {
        hits.put(library, find(places, library.fileName(major), places.size()));
      }
    }
    for (NvidiaLibrary library : NvidiaLibrary.values()) {
      if (library.companion() != library) {
        int beside = hits.get(library.companion()).placeIndex;
        hits.put(library, find(places, library.fileName(major), beside));
      }
    }
    return new LibrarySearch(major, places, hits);
  }

  /**
   * Looks for a file.
   *
   * @param first the index of the place that is tried first; the number of places if all are equal
   */
  private static Hit find(List<LibraryPlace> places, String name, int first) {
    List<Path> tried = new ArrayList<>();
    for (int i = -1; i < places.size(); i++) {
      int index = i < 0 ? first : i;
      if (index < places.size()) {
        LibraryPlace place = places.get(index);
        Optional<Path> file = place.find(name).map(place.path()::resolve);
        tried.add(file.orElseGet(() -> place.path().resolve(name)));
        if (file.isPresent()) {
          return new Hit(file, index, tried);
        }
      }
    }
    return new Hit(Optional.empty(), places.size(), tried);
  }
}

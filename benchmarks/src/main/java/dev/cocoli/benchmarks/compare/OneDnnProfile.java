package dev.cocoli.benchmarks.compare;

import java.util.Map;
import java.util.TreeMap;

/**
 * Adds up the times that oneDNN prints. With {@code ONEDNN_VERBOSE=profile_exec} it prints a line
 * for each primitive that it has run; the fifth field is {@code cpu}, the sixth the kind and the
 * last the milliseconds.
 */
final class OneDnnProfile {
  private static final String MARK = "onednn_verbose,";
  private static final int EVENT = 3;
  private static final int KIND = 5;

  private final Map<String, Double> seconds = new TreeMap<>();

  /** Adds the time of a line; lines that are not of the profile are ignored. */
  void accept(String line) {
    if (!line.startsWith(MARK)) {
      return;
    }
    String[] fields = line.split(",");
    if (fields.length > KIND + 1 && fields[EVENT].equals("exec")) {
      seconds.merge(fields[KIND], Double.parseDouble(fields[fields.length - 1]) / 1e3, Double::sum);
    }
  }

  /** Resets the sums to zero. */
  void clear() {
    seconds.clear();
  }

  /** {@return the seconds per kind of primitive} */
  Map<String, Double> byKind() {
    return new TreeMap<>(seconds);
  }

  /** {@return the seconds of all primitives} */
  double total() {
    return seconds.values().stream().mapToDouble(Double::doubleValue).sum();
  }
}

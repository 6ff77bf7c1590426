package dev.cocoli.benchmarks.compare;

import java.util.Map;
import java.util.TreeMap;

/**
 * Adds up what oneDNN says of its own time: with {@code ONEDNN_VERBOSE=profile_exec} it prints a
 * line for each primitive that it has run, whose fifth field is {@code cpu}, sixth the kind and
 * last the milliseconds.
 */
final class OneDnnProfile {
  private static final String MARK = "onednn_verbose,";
  private static final int EVENT = 3;
  private static final int KIND = 5;

  private final Map<String, Double> seconds = new TreeMap<>();

  /** Takes a line; all but those of the profile are passed over. */
  void accept(String line) {
    if (!line.startsWith(MARK)) {
      return;
    }
    String[] fields = line.split(",");
    if (fields.length > KIND + 1 && fields[EVENT].equals("exec")) {
      seconds.merge(fields[KIND], Double.parseDouble(fields[fields.length - 1]) / 1e3, Double::sum);
    }
  }

  /** Forgets what was added up. */
  void clear() {
    seconds.clear();
  }

  /** {@return the seconds of each kind of primitive} */
  Map<String, Double> byKind() {
    return new TreeMap<>(seconds);
  }

  /** {@return the seconds of all} */
  double total() {
    return seconds.values().stream().mapToDouble(Double::doubleValue).sum();
  }
}

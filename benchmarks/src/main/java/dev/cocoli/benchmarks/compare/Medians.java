package dev.cocoli.benchmarks.compare;

import java.util.List;

/** Computes the median of measurements. */
final class Medians {
  private Medians() {}

  /**
   * {@return the median; for an even number of values the mean of the two in the middle}
   *
   * @param values one or more
   */
  static double of(List<Double> values) {
    if (values.isEmpty()) {
      throw new IllegalArgumentException("no measurements, no median");
    }
    List<Double> sorted = values.stream().sorted().toList();
    int half = sorted.size() / 2;
    return sorted.size() % 2 == 1
        ? sorted.get(half)
        : (sorted.get(half - 1) + sorted.get(half)) / 2;
  }
}

package dev.cocoli.data.proposals;

/** The histograms of regions that are merged step by step, and their intersections. */
final class Histograms {
  private final int length;
  private final int one;

  /** The count of each bin, [regions, length]; below the same as fractions of the region. */
  private final int[] counts;

  private final int[] shares;

  /**
   * Copies histograms.
   *
   * @param counts the count of each bin, [regions, length]
   * @param length the number of bins per region
   * @param one the sum of a region's fractions, except for rounding
   */
  Histograms(int[] counts, int length, int one) {
    this.length = length;
    this.one = one;
    this.counts = counts.clone();
    this.shares = new int[counts.length];
    for (int from = 0; from < counts.length; from += length) {
      normalise(from);
    }
  }

  /** Adds a region's histogram to that of another. */
  void add(int to, int region) {
    int a = to * length;
    int b = region * length;
    for (int i = 0; i < length; i++) {
      counts[a + i] += counts[b + i];
    }
    normalise(a);
  }

  /** The intersection of two histograms, {@code one} for equal ones. */
  int intersection(int region, int other) {
    int a = region * length;
    int b = other * length;
    int sum = 0;
    for (int i = 0; i < length; i++) {
      sum += Math.min(shares[a + i], shares[b + i]);
    }
    return sum;
  }

  private void normalise(int from) {
    long sum = 0;
    for (int i = from; i < from + length; i++) {
      sum += counts[i];
    }
    double factor = (double) one / sum;
    for (int i = from; i < from + length; i++) {
      shares[i] = (int) (counts[i] * factor);
    }
  }
}

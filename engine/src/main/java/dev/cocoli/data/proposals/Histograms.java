package dev.cocoli.data.proposals;

/** Histograms of regions that grow together, and how much two have in common. */
final class Histograms {
  private final int length;
  private final int one;

  /** How often each bin occurs, [regions, length], and the same as shares of the region. */
  private final int[] counts;

  private final int[] shares;

  /**
   * Copies histograms.
   *
   * @param counts how often each bin occurs, [regions, length]
   * @param length bins of a region
   * @param one what the shares of a region add up to, but for rounding
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

  /** Adds a region's histogram to another's. */
  void add(int to, int region) {
    int a = to * length;
    int b = region * length;
    for (int i = 0; i < length; i++) {
      counts[a + i] += counts[b + i];
    }
    normalise(a);
  }

  /** Sums what two regions have in common: all of it is one. */
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

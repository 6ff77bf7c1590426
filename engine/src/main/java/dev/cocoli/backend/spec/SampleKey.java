package dev.cocoli.backend.spec;

/**
 * The random number that belongs to one candidate of a sample: a hash of the image's seed and the
 * candidate's index, so that it needs no state and is the same on every device. The finaliser is
 * that of SplitMix64 (Steele, Lea and Flood 2014).
 */
public final class SampleKey {
  private static final long GOLDEN_GAMMA = 0x9E3779B97F4A7C15L;

  private SampleKey() {}

  /**
   * {@return the key: an unsigned 32-bit number, in a long}
   *
   * @param seed the image's seed
   * @param index the candidate's index
   */
  public static long of(long seed, long index) {
    return mix(seed + (index + 1) * GOLDEN_GAMMA) >>> 32;
  }

  /**
   * {@return a well-mixed number}
   *
   * @param z any number
   */
  public static long mix(long z) {
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }
}

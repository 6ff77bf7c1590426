package dev.cocoli.backend.cpu.loops;

/**
 * Scores with their indices as numbers whose rising order is that of falling scores, equal scores
 * in the order of the indices.
 */
final class ScoreOrder {
  private ScoreOrder() {}

  /**
   * {@return the number}
   *
   * @param score not NaN
   * @param index not negative
   */
  static long key(float score, int index) {
    // adding 0 turns -0 into 0, so that the two are equal
    int bits = Float.floatToRawIntBits(score + 0f);
    int rising = bits ^ ((bits >> 31) & Integer.MAX_VALUE);
    return (long) ~rising << 32 | index;
  }

  /**
   * {@return the index in a number}
   *
   * @param key the number
   */
  static int index(long key) {
    return (int) key;
  }
}

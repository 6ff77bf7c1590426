package dev.cocoli.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

/** The generator of orders and flips. */
class EpochOrderTest {
  /** The numbers must never change, or runs could not be resumed with a later version. */
  @Test
  void shufflesAsEver() {
    assertArrayEquals(new int[] {7, 5, 3, 1, 4, 6, 0, 2}, EpochOrder.shuffled(1, 2, 8));
    StringBuilder flips = new StringBuilder();
    for (int index = 0; index < 16; index++) {
      flips.append(EpochOrder.random(1, 2, index, 0).nextDouble() < 0.5 ? 'X' : '-');
    }
    assertEquals("----X-X-X-X---XX", flips.toString());
  }

  @Test
  void shufflesEvenly() {
    int[][] counts = new int[6][6];
    int flips = 0;
    int rounds = 60_000;
    for (int epoch = 0; epoch < rounds; epoch++) {
      int[] order = EpochOrder.shuffled(7, epoch, 6);
      for (int position = 0; position < 6; position++) {
        counts[position][order[position]]++;
      }
      flips += EpochOrder.random(7, epoch, 3, 0).nextDouble() < 0.3 ? 1 : 0;
    }
    for (int[] row : counts) {
      for (int count : row) {
        assertEquals(rounds / 6.0, count, 500, "five standard deviations");
      }
    }
    assertEquals(0.3 * rounds, flips, 600);
  }
}

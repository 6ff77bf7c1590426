package dev.cocoli.data.proposals;

import dev.cocoli.backend.spec.SampleKey;
import dev.cocoli.structures.Box;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Ranks the boxes of several groupings together (Uijlings et al., section 4.3). A box's rank is its
 * position, counted from the end of its grouping (which is the whole image), times a random number
 * from 0 to 1, so that large regions do not all come first. A box that occurs several times keeps
 * its best rank.
 */
final class RankedBoxes {
  /** A box's corners, 16 bits each: x1, y1, x2, y2. */
  private long[] corners = new long[4096];

  /** The rank in the upper 32 bits, and the index in {@link #corners} in the lower ones. */
  private long[] ranks = new long[4096];

  private int count;

  /**
   * Adds the boxes of a grouping.
   *
   * @param boxes x1, y1, x2, y2 [4][regions], the whole image last
   * @param seed the seed of the grouping's random numbers
   */
  void add(int[][] boxes, long seed) {
    int regions = boxes[0].length;
    while (count + regions > corners.length) {
      corners = Arrays.copyOf(corners, 2 * corners.length);
      ranks = Arrays.copyOf(ranks, 2 * ranks.length);
    }
    for (int i = 0; i < regions; i++) {
      corners[count] =
          (long) boxes[0][i] << 48
              | (long) boxes[1][i] << 32
              | (long) boxes[2][i] << 16
              | boxes[3][i];
      long place = regions - i;
      // 24 random bits times a position below 2^24; the upper bits of the product are the rank
      long rank = place * (mixed(seed + i) >>> 40) >>> 17;
      ranks[count] = rank << 32 | count;
      count++;
    }
  }

  /**
   * SplitMix64's finalizer (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators).
   */
  static long mixed(long value) {
    return SampleKey.mix(value * 0x9E3779B97F4A7C15L);
  }

  /**
   * {@return the best boxes, each once}
   *
   * @param most the largest number of boxes
   * @param factor the factor by which the image was reduced
   * @param width of the original image
   * @param height of the original image
   */
  List<Box> best(int most, int factor, int width, int height) {
    Arrays.sort(ranks, 0, count);
    LongSet taken = new LongSet(count);
    List<Box> boxes = new ArrayList<>(Math.min(most, count));
    for (int i = 0; i < count && boxes.size() < most; i++) {
      long box = corners[(int) ranks[i]];
      if (taken.add(box)) {
        boxes.add(
            new Box(
                (box >>> 48) * factor,
                (box >>> 32 & 0xFFFF) * factor,
                Math.min(width, (box >>> 16 & 0xFFFF) * factor),
                Math.min(height, (box & 0xFFFF) * factor)));
      }
    }
    return List.copyOf(boxes);
  }

  /** A hash set of numbers other than 0, with open addressing. */
  private static final class LongSet {
    private final long[] table;

    LongSet(int capacity) {
      table = new long[Math.max(2, Integer.highestOneBit(Math.max(1, capacity)) << 2)];
    }

    boolean add(long value) {
      int at = (int) mixed(value) & table.length - 1;
      while (table[at] != 0) {
        if (table[at] == value) {
          return false;
        }
        at = at + 1 & table.length - 1;
      }
      table[at] = value;
      return true;
    }
  }
}

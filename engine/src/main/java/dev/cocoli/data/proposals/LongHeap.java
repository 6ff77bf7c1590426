package dev.cocoli.data.proposals;

import java.util.Arrays;

/** A binary heap of numbers with the smallest on top. */
final class LongHeap {
  private long[] values;
  private int count;

  LongHeap(int capacity) {
    values = new long[Math.max(1, capacity)];
  }

  void add(long value) {
    if (count == values.length) {
      values = Arrays.copyOf(values, 2 * count);
    }
    int at = count++;
    while (at > 0) {
      int above = (at - 1) >>> 1;
      if (values[above] <= value) {
        break;
      }
      values[at] = values[above];
      at = above;
    }
    values[at] = value;
  }

  long removeLeast() {
    long least = values[0];
    long moved = values[--count];
    int at = 0;
    for (int below = 1; below < count; below = 2 * at + 1) {
      if (below + 1 < count && values[below + 1] < values[below]) {
        below++;
      }
      if (moved <= values[below]) {
        break;
      }
      values[at] = values[below];
      at = below;
    }
    values[at] = moved;
    return least;
  }
}

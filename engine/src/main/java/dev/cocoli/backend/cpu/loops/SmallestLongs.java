package dev.cocoli.backend.cpu.loops;

import java.util.Arrays;

/**
 * The smallest of many numbers: a heap of fixed size with the largest kept one on top, so that all
 * but a few candidates cost one comparison. Reused from call to call.
 */
final class SmallestLongs {
  private long[] heap = new long[0];
  private int limit;
  private int size;

  /**
   * Forgets everything.
   *
   * @param limit how many numbers to keep
   */
  void reset(int limit) {
    if (heap.length < limit) {
      heap = new long[limit];
    }
    this.limit = limit;
    size = 0;
  }

  /**
   * Keeps a number if it is among the smallest so far.
   *
   * @param value the number
   */
  void offer(long value) {
    if (size < limit) {
      heap[size++] = value;
      if (size == limit) {
        for (int i = limit / 2 - 1; i >= 0; i--) {
          sink(i, heap[i]);
        }
      }
    } else if (limit > 0 && value < heap[0]) {
      sink(0, value);
    }
  }

  /** {@return how many are kept} */
  int size() {
    return size;
  }

  /**
   * {@return the kept numbers in rising order, at the front of an array that the next use takes}
   */
  long[] sorted() {
    Arrays.sort(heap, 0, size);
    return heap;
  }

  private void sink(int hole, long value) {
    int at = hole;
    while (true) {
      int child = 2 * at + 1;
      if (child >= limit) {
        break;
      }
      if (child + 1 < limit && heap[child + 1] > heap[child]) {
        child++;
      }
      if (heap[child] <= value) {
        break;
      }
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = value;
  }
}

package dev.cocoli.backend;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Changes the order of axes in the host's memory. */
public final class HostLayouts {
  private HostLayouts() {}

  /**
   * Copies {@code [outer, rows, columns]} to {@code [outer, columns, rows]}.
   *
   * @param from four-byte elements
   * @param to as many
   * @param outer number of matrices
   * @param rows of each, in {@code from}
   * @param columns of each, in {@code from}
   */
  public static void transpose(
      MemorySegment from, MemorySegment to, long outer, long rows, long columns) {
    if (rows == 1 || columns == 1) {
      MemorySegment.copy(from, 0, to, 0, from.byteSize());
      return;
    }
    ValueLayout.OfInt element = ValueLayout.JAVA_INT_UNALIGNED;
    for (long o = 0; o < outer; o++) {
      long base = o * rows * columns;
      for (long r = 0; r < rows; r++) {
        for (long c = 0; c < columns; c++) {
          to.setAtIndex(
              element, base + c * rows + r, from.getAtIndex(element, base + r * columns + c));
        }
      }
    }
  }
}

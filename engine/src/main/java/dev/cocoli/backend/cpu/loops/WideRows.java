package dev.cocoli.backend.cpu.loops;

import dev.cocoli.tensor.DType;

/**
 * Cuts a matrix of floats into chunks of rows, and joins neighbouring rows until they are long
 * enough for a vectorised loop: a row of 64 channels is over before such a loop has begun. What is
 * summed by column is then summed by the column of a joined row and folded at the end. Values along
 * a joined row lie in the lanes of a {@link FloatBlock}. The cuts depend on nothing but the shape.
 */
final class WideRows {
  /** Floats that a joined row has at least, unless the matrix has fewer. */
  private static final int MIN_WIDTH = 1024;

  private final long elements;
  private final int columns;
  private final int width;
  private final long chunkElements;
  private final int lanes;

  /**
   * Cuts a matrix.
   *
   * @param type its elements
   * @param rows its rows
   * @param columns its columns
   * @param rowsAChunk joined rows of a chunk
   */
  WideRows(DType type, long rows, long columns, int rowsAChunk) {
    this.lanes = FloatBlock.lanes(type);
    this.elements = rows * columns;
    this.columns = Math.toIntExact(columns);
    long joined = Math.min(rows, Math.max(1, (MIN_WIDTH + columns - 1) / columns));
    this.width = Math.toIntExact(joined * columns);
    this.chunkElements = (long) width * rowsAChunk;
  }

  /** {@return the floats of a joined row} */
  int width() {
    return width;
  }

  /** {@return how many chunks there are} */
  int chunks() {
    return Math.toIntExact((elements + chunkElements - 1) / chunkElements);
  }

  /**
   * {@return the first element of a chunk}
   *
   * @param chunk which
   */
  long first(long chunk) {
    return chunk * chunkElements;
  }

  /**
   * {@return the element after a chunk}
   *
   * @param chunk which
   */
  long end(long chunk) {
    return Math.min(elements, (chunk + 1) * chunkElements);
  }

  /**
   * {@return the floats of the joined row that begins at an element: the width, or what is left}
   *
   * @param chunk the chunk
   * @param at the element
   */
  int size(long chunk, long at) {
    return (int) Math.min(width, end(chunk) - at);
  }

  /** {@return room for one value for each place of a joined row, by lane} */
  float[][] room() {
    return new float[lanes][(width + lanes - 1) / lanes];
  }

  /**
   * {@return the values of each column, repeated along a joined row, by lane}
   *
   * @param perColumn one value a column
   */
  float[][] spread(float[] perColumn) {
    float[][] spread = room();
    if (lanes == 1) {
      for (int at = 0; at < width; at += columns) {
        System.arraycopy(perColumn, 0, spread[0], at, columns);
      }
      return spread;
    }
    for (int l = 0; l < lanes; l++) {
      int column = l % columns;
      for (int j = 0; j < placesIn(l); j++) {
        spread[l][j] = perColumn[column];
        column = next(column);
      }
    }
    return spread;
  }

  /**
   * {@return the sum for each column of what was summed along joined rows}
   *
   * @param sums one sum for each place of a joined row, by lane
   */
  double[] fold(float[][] sums) {
    double[] folded = new double[columns];
    if (lanes == 1) {
      for (int at = 0; at < width; at += columns) {
        add(sums[0], at, folded);
      }
      return folded;
    }
    for (int l = 0; l < lanes; l++) {
      int column = l % columns;
      for (int j = 0; j < placesIn(l); j++) {
        folded[column] += sums[l][j];
        column = next(column);
      }
    }
    return folded;
  }

  private static void add(float[] from, int at, double[] sums) {
    for (int c = 0; c < sums.length; c++) {
      sums[c] += from[at + c];
    }
  }

  private int placesIn(int lane) {
    return (width + lanes - 1 - lane) / lanes;
  }

  /** The column of a lane's next place. */
  private int next(int column) {
    int next = column + lanes;
    while (next >= columns) {
      next -= columns;
    }
    return next;
  }
}

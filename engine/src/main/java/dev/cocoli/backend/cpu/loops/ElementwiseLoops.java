package dev.cocoli.backend.cpu.loops;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.cocoli.backend.cpu.Workers;
import dev.cocoli.backend.spec.Activation;
import dev.cocoli.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Sums and masks of arrays of floats. The compiler does not vectorise a loop over two pieces of
 * off-heap memory, which may overlap for all it knows, nor one that writes two arrays or reads its
 * arrays at different offsets (JDK 25; 0.2 to 0.5 floats a nanosecond). It does vectorise {@code
 * a[j] = f(b[j], c[j])} on heap arrays (5 to 10 floats a nanosecond), so that these loops copy a
 * block that fits the nearest cache to the heap, work there, and copy back.
 */
public final class ElementwiseLoops {
  /** Floats that are copied to the heap at a time: 8 KB. */
  private static final int BLOCK = 2048;

  /** Floats that make a piece of a loop worth waking a thread for. */
  private static final long GRAIN = 16 * BLOCK;

  /** Rows whose sum is kept in single precision before it is added in double precision. */
  private static final int ROWS_A_PARTIAL = 64;

  private final Workers workers;

  public ElementwiseLoops(Workers workers) {
    this.workers = workers;
  }

  /**
   * Adds a vector to each row and applies an activation.
   *
   * @param y {@code [R,C]}, overwritten
   * @param row {@code [C]}, or null
   * @param activation applied last
   */
  public void addRow(Tensor y, Tensor row, Activation activation) {
    if (row == null && activation == Activation.NONE) {
      return;
    }
    int columns = Math.toIntExact(y.dim(1));
    MemorySegment target = y.segment();
    float[] addend = row == null ? null : row.segment().toArray(JAVA_FLOAT);
    workers.rows(
        y.dim(0),
        Math.max(1, GRAIN / columns),
        (from, to) -> {
          float[] block = new float[columns];
          for (long i = from; i < to; i++) {
            MemorySegment.copy(target, JAVA_FLOAT, i * columns * Float.BYTES, block, 0, columns);
            if (addend != null) {
              addInto(addend, block, columns);
            }
            if (activation == Activation.RELU) {
              clamp(block, columns);
            }
            MemorySegment.copy(block, 0, target, JAVA_FLOAT, i * columns * Float.BYTES, columns);
          }
        });
  }

  /**
   * Multiplies each row by its factor.
   *
   * @param x {@code [R, ...]}
   * @param scale {@code [R]}
   * @param y like x
   */
  public void scaleRows(MemorySegment x, Tensor scale, MemorySegment y) {
    scaledRows(x, scale, y, false);
  }

  /**
   * Multiplies each row by its factor and adds it to a row.
   *
   * @param x {@code [R, ...]}
   * @param scale {@code [R]}
   * @param y like x, added to
   */
  public void addScaledRows(MemorySegment x, Tensor scale, MemorySegment y) {
    scaledRows(x, scale, y, true);
  }

  private void scaledRows(MemorySegment x, Tensor scale, MemorySegment y, boolean add) {
    long rows = scale.elementCount();
    if (rows == 0) {
      return;
    }
    long columns = x.byteSize() / Float.BYTES / rows;
    MemorySegment factors = scale.segment();
    workers.rows(
        rows,
        Math.max(1, GRAIN / Math.max(1, columns)),
        (from, to) -> {
          float[] block = new float[BLOCK];
          float[] sum = new float[BLOCK];
          for (long row = from; row < to; row++) {
            float factor = factors.getAtIndex(JAVA_FLOAT, row);
            for (long column = 0; column < columns; column += BLOCK) {
              int size = (int) Math.min(BLOCK, columns - column);
              long at = (row * columns + column) * Float.BYTES;
              MemorySegment.copy(x, JAVA_FLOAT, at, block, 0, size);
              multiply(block, factor, size);
              if (add) {
                MemorySegment.copy(y, JAVA_FLOAT, at, sum, 0, size);
                addInto(sum, block, size);
              }
              MemorySegment.copy(block, 0, y, JAVA_FLOAT, at, size);
            }
          }
        });
  }

  /**
   * Adds the sum of each column. The rows are cut in the same places whatever the threads, so that
   * sums are the same each time.
   *
   * @param x {@code [..., columns]}
   * @param sums {@code [columns]}, added to
   */
  public void addColumnSums(Tensor x, Tensor sums) {
    if (x.elementCount() == 0) {
      return;
    }
    long columns = x.dim(-1);
    WideRows wide = new WideRows(x.dtype(), x.elementCount() / columns, columns, ROWS_A_PARTIAL);
    double[][] partials = new double[wide.chunks()][];
    workers.rows(
        wide.chunks(),
        1,
        (from, to) -> {
          FloatBlock row = FloatBlock.of(x.dtype(), wide.width());
          float[][] sum = wide.room();
          for (int chunk = (int) from; chunk < to; chunk++) {
            for (float[] lane : sum) {
              Arrays.fill(lane, 0);
            }
            for (long at = wide.first(chunk); at < wide.end(chunk); at += wide.width()) {
              row.load(x.segment(), at, wide.size(chunk, at));
              for (int l = 0; l < row.lanes(); l++) {
                addInto(row.lane(l), sum[l], row.size(l));
              }
            }
            partials[chunk] = wide.fold(sum);
          }
        });
    MemorySegment target = sums.segment();
    for (int c = 0; c < columns; c++) {
      double sum = 0;
      for (double[] partial : partials) {
        sum += partial[c];
      }
      target.setAtIndex(JAVA_FLOAT, c, (float) (target.getAtIndex(JAVA_FLOAT, c) + sum));
    }
    sums.buffer().markWritten();
  }

  static void addInto(float[] x, float[] sum, int size) {
    for (int j = 0; j < size; j++) {
      sum[j] += x[j];
    }
  }

  private static void multiply(float[] x, float factor, int size) {
    for (int j = 0; j < size; j++) {
      x[j] *= factor;
    }
  }

  static void clamp(float[] x, int size) {
    for (int j = 0; j < size; j++) {
      x[j] = Math.max(x[j], 0);
    }
  }
}

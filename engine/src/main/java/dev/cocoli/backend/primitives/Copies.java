package dev.cocoli.backend.primitives;

import dev.cocoli.tensor.Tensor;
import java.util.List;

/** Copies, fills and converts tensors on the device. */
public interface Copies {
  /**
   * Copies all elements.
   *
   * @param from the source
   * @param to as many bytes
   */
  void copy(Tensor from, Tensor to);

  /**
   * Columns {@code [fromColumn, fromColumn + columns)} of a matrix, or of each of R matrices, and
   * where they go: to those from {@code toColumn} on of another. Of a matrix of P rows that becomes
   * one row, they lie there row after row.
   *
   * @param from {@code [R,C]} or {@code [R,P,C]}, any element type
   * @param fromColumn first column read
   * @param to {@code [R,D]}, the same type
   * @param toColumn first column written
   * @param columns how many
   */
  record Columns(Tensor from, long fromColumn, Tensor to, long toColumn, long columns) {
    /** Checks that they are there. */
    public Columns {
      int rank = from.shape().rank();
      if (from.dtype() != to.dtype()
          || rank < 2
          || rank > 3
          || from.dim(0) != to.dim(0)
          || fromColumn + columns > from.dim(rank - 1)
          || toColumn + (rank == 2 ? 1 : from.dim(1)) * columns > to.dim(1)) {
        throw new IllegalArgumentException(
            "cannot copy columns " + fromColumn + " + " + columns + " of " + from + " to " + to);
      }
    }

    /** {@return P, 1 if {@code from} is one matrix} */
    public long places() {
      return from.shape().rank() == 2 ? 1 : from.dim(1);
    }
  }

  /**
   * Copies columns: what joins tensors along an axis, and what takes them apart.
   *
   * @param all which; none is written twice, or read after it was written
   */
  void copyColumns(List<Columns> all);

  /**
   * Copies the columns {@code [fromColumn, fromColumn + columns)} of one matrix to those from
   * {@code toColumn} on of another.
   *
   * @param from {@code [R,C]}, any element type
   * @param fromColumn first column read
   * @param to {@code [R,D]}, the same type
   * @param toColumn first column written
   * @param columns how many
   */
  default void copyColumns(Tensor from, long fromColumn, Tensor to, long toColumn, long columns) {
    copyColumns(List.of(new Columns(from, fromColumn, to, toColumn, columns)));
  }

  /**
   * Sets every element.
   *
   * @param x F32 or I32; BF16 only for the value 0
   * @param value the value; rounded to an integer for I32
   */
  void fill(Tensor x, float value);

  /**
   * Converts between F32 and BF16, rounding to the nearest, ties to even.
   *
   * @param x F32 or BF16
   * @param y like x, of the other type
   */
  void cast(Tensor x, Tensor y);
}

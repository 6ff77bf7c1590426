package dev.cocoli.backend.primitives;

import dev.cocoli.tensor.Tensor;

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
   * Copies the columns {@code [fromColumn, fromColumn + columns)} of one matrix to those from
   * {@code toColumn} on of another: what joins tensors along an axis, and what takes them apart.
   *
   * @param from {@code [R,C]}, any element type
   * @param fromColumn first column read
   * @param to {@code [R,D]}, the same type
   * @param toColumn first column written
   * @param columns how many
   */
  void copyColumns(Tensor from, long fromColumn, Tensor to, long toColumn, long columns);

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

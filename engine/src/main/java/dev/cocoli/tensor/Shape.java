package dev.cocoli.tensor;

import java.util.Arrays;

/** The extents of a row-major tensor, outermost first. A scalar has no extents. */
public final class Shape {
  private final long[] dims;
  private final long elementCount;

  private Shape(long[] dims) {
    long count = 1;
    for (long dim : dims) {
      if (dim < 0) {
        throw new IllegalArgumentException("negative extent in " + Arrays.toString(dims));
      }
      count = Math.multiplyExact(count, dim);
    }
    this.dims = dims;
    this.elementCount = count;
  }

  /**
   * {@return the shape of these extents}
   *
   * @param dims the extents, outermost first
   * @throws IllegalArgumentException if one is negative
   */
  public static Shape of(long... dims) {
    return new Shape(dims.clone());
  }

  /** {@return the number of extents} */
  public int rank() {
    return dims.length;
  }

  /**
   * {@return one extent}
   *
   * @param axis which, from 0; negative counts from the end
   */
  public long dim(int axis) {
    return dims[axis < 0 ? axis + dims.length : axis];
  }

  /** {@return the product of the extents} */
  public long elementCount() {
    return elementCount;
  }

  /** {@return the extents, as a copy} */
  public long[] toArray() {
    return dims.clone();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Shape that && Arrays.equals(dims, that.dims);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(dims);
  }

  @Override
  public String toString() {
    return Arrays.toString(dims);
  }
}

package dev.cocoli.tensor;

import java.lang.foreign.MemorySegment;

/**
 * A dense, row-major array in a device's memory: a type, a shape and a range of a {@link Buffer}.
 * It does not own the buffer; views share it.
 */
public final class Tensor {
  private final Buffer buffer;
  private final long byteOffset;
  private final Shape shape;
  private final DType dtype;
  private final MemorySegment segment;

  /**
   * Creates a tensor over a range of a buffer.
   *
   * @param buffer the memory
   * @param byteOffset where the first element lies
   * @param shape the extents
   * @param dtype the type of an element
   * @throws IllegalArgumentException if it reaches past the buffer or is not aligned to its
   *     elements
   */
  public Tensor(Buffer buffer, long byteOffset, Shape shape, DType dtype) {
    long byteSize = Math.multiplyExact(shape.elementCount(), (long) dtype.byteSize());
    if (byteOffset < 0 || byteOffset > buffer.byteSize() - byteSize) {
      throw new IllegalArgumentException(
          "%s %s at byte %s reaches past a buffer of %s bytes"
              .formatted(shape, dtype, byteOffset, buffer.byteSize()));
    }
    if (byteOffset % dtype.byteSize() != 0) {
      throw new IllegalArgumentException("byte " + byteOffset + " is no place for " + dtype);
    }
    this.buffer = buffer;
    this.byteOffset = byteOffset;
    this.shape = shape;
    this.dtype = dtype;
    this.segment = buffer.segment().asSlice(byteOffset, byteSize);
  }

  /** {@return the memory it lies in} */
  public Buffer buffer() {
    return buffer;
  }

  /** {@return the offset in the buffer at which its elements begin} */
  public long byteOffset() {
    return byteOffset;
  }

  /** {@return the extents} */
  public Shape shape() {
    return shape;
  }

  /**
   * {@return one extent}
   *
   * @param axis which, from 0; negative counts from the end
   */
  public long dim(int axis) {
    return shape.dim(axis);
  }

  /** {@return the type of an element} */
  public DType dtype() {
    return dtype;
  }

  /** {@return the device whose memory it lies in} */
  public Device device() {
    return buffer.device();
  }

  /** {@return the number of elements} */
  public long elementCount() {
    return shape.elementCount();
  }

  /** {@return its size in bytes} */
  public long byteSize() {
    return segment.byteSize();
  }

  /**
   * {@return the segment of exactly its elements}
   *
   * @throws IllegalStateException if the buffer is closed
   */
  public MemorySegment segment() {
    buffer.requireOpen(this);
    return segment;
  }

  /**
   * {@return the same elements under another shape}
   *
   * @param dims the extents; their product is this tensor's element count
   */
  public Tensor reshape(long... dims) {
    Shape other = Shape.of(dims);
    if (other.elementCount() != elementCount()) {
      throw new IllegalArgumentException("cannot reshape " + shape + " to " + other);
    }
    return new Tensor(buffer, byteOffset, other, dtype);
  }

  /**
   * {@return the rows {@code [start, start + count)} of the outermost axis}
   *
   * @param start first row
   * @param count number of rows
   */
  public Tensor rows(long start, long count) {
    long[] dims = shape.toArray();
    if (start < 0 || count < 0 || start + count > dims[0]) {
      throw new IllegalArgumentException("rows " + start + " + " + count + " of " + shape);
    }
    long rowBytes = dims[0] == 0 ? 0 : byteSize() / dims[0];
    dims[0] = count;
    return new Tensor(buffer, byteOffset + start * rowBytes, Shape.of(dims), dtype);
  }

  /**
   * {@return a tensor over a part of this one's bytes}
   *
   * @param relativeByteOffset where it begins, from this tensor's first byte
   * @param viewShape its extents
   * @param viewType its element type
   */
  public Tensor view(long relativeByteOffset, Shape viewShape, DType viewType) {
    if (relativeByteOffset + viewShape.elementCount() * viewType.byteSize() > byteSize()) {
      throw new IllegalArgumentException(
          viewShape + " " + viewType + " at byte " + relativeByteOffset + " reaches past " + this);
    }
    return new Tensor(buffer, byteOffset + relativeByteOffset, viewShape, viewType);
  }

  /**
   * Checks that host memory has exactly as many bytes as this tensor.
   *
   * @param host what is copied to or from it
   * @throws IllegalArgumentException if it has more or less
   */
  public void requireByteSize(MemorySegment host) {
    if (host.byteSize() != byteSize()) {
      throw new IllegalArgumentException(
          host.byteSize() + " bytes of the host for the " + byteSize() + " of " + this);
    }
  }

  @Override
  public String toString() {
    return dtype + shape.toString() + "@" + device();
  }
}

package dev.cocoli.nn.weights;

import dev.cocoli.nn.weights.Pickled.Storage;
import dev.cocoli.nn.weights.Pickled.Tensor;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Shape;
import java.io.IOException;
import java.lang.foreign.MemorySegment;

/**
 * The elements of a storage that a tensor has: extents, and the number of elements from one to the
 * next along each.
 *
 * @param storage of elements of the tensor's type
 * @param shape the extents
 * @param strides of each
 * @param offset of the first element
 */
record StridedView(Storage storage, Shape shape, long[] strides, long offset) {

  /**
   * Checks a tensor.
   *
   * @throws IOException if it reaches past its storage
   * @throws ArithmeticException if its sizes do not fit 64 bits
   * @throws IllegalArgumentException if an extent is negative
   */
  static StridedView of(Tensor tensor) throws IOException {
    Storage storage = tensor.storage();
    if (storage.type() == DType.U8 && tensor.type() != DType.U8) { // untyped: it counts bytes
      storage =
          new Storage(
              tensor.type(),
              storage.typeName(),
              storage.key(),
              storage.first(),
              storage.count() / tensor.type().byteSize());
    }
    if (storage.type() != tensor.type()) {
      throw new IOException(
          "it is damaged: a tensor of %s is a view of %s"
              .formatted(tensor.type(), storage.typeName()));
    }
    Shape shape = Shape.of(tensor.size());
    long[] strides = tensor.stride();
    Math.multiplyExact(shape.elementCount(), (long) tensor.type().byteSize());
    long last = tensor.offset();
    for (int axis = 0; axis < strides.length; axis++) {
      if (strides[axis] < 0) {
        throw new IllegalArgumentException("a negative stride");
      }
      last =
          Math.addExact(last, Math.multiplyExact(Math.max(0, shape.dim(axis) - 1), strides[axis]));
    }
    if (tensor.offset() < 0 || shape.elementCount() > 0 && last >= storage.count()) {
      throw new IOException(
          "it is damaged: a tensor %s reaches past the %d elements of its storage"
              .formatted(shape, storage.count()));
    }
    return new StridedView(storage, shape, strides, tensor.offset());
  }

  long byteSize() {
    return shape.elementCount() * storage.type().byteSize();
  }

  /** Returns whether the elements lie one after the other in the order of their indices. */
  boolean isContiguous() {
    long wanted = 1;
    for (int axis = strides.length - 1; axis >= 0; axis--) {
      if (shape.dim(axis) != 1 && strides[axis] != wanted && shape.elementCount() > 0) {
        return false;
      }
      wanted *= shape.dim(axis);
    }
    return true;
  }

  /** Returns the elements of a contiguous tensor. */
  MemorySegment slice(MemorySegment bytes) {
    long first = shape.elementCount() == 0 ? 0 : offset * storage.type().byteSize();
    return bytes.asSlice(first, byteSize());
  }

  /** Copies the elements in the order of their indices. */
  void copy(MemorySegment bytes, MemorySegment to) {
    int size = storage.type().byteSize();
    int rank = strides.length;
    long[] index = new long[rank];
    long from = offset;
    for (long i = 0; i < shape.elementCount(); i++) {
      MemorySegment.copy(bytes, from * size, to, i * size, size);
      for (int axis = rank - 1; axis >= 0; axis--) {
        from += strides[axis];
        if (++index[axis] < shape.dim(axis)) {
          break;
        }
        from -= strides[axis] * shape.dim(axis);
        index[axis] = 0;
      }
    }
  }
}

package dev.cocoli.backend.cuda.cudnn;

import static dev.cocoli.bindings.cudnn.Cudnn.*;

import dev.cocoli.bindings.NativeHandle;
import dev.cocoli.bindings.status.CudnnStatus;
import dev.cocoli.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A descriptor of cuDNN's graph API: made, given its attributes, finished, and then only read. The
 * library copies what it is given; descriptors that others refer to live as long as those.
 */
final class CudnnDescriptor implements AutoCloseable {
  private final NativeHandle handle;

  /**
   * Makes an empty descriptor.
   *
   * @param type a {@code CUDNN_BACKEND_..._DESCRIPTOR}
   */
  CudnnDescriptor(int type) {
    handle =
        NativeHandle.create(
            CudnnStatus::check,
            "cudnnBackendCreateDescriptor",
            out -> cudnnBackendCreateDescriptor(type, out),
            pointer ->
                CudnnStatus.check(
                    "cudnnBackendDestroyDescriptor", cudnnBackendDestroyDescriptor(pointer)));
  }

  /** Returns the number by which cuDNN knows a type of element. */
  static int dataType(DType dtype) {
    return switch (dtype) {
      case F32 -> CUDNN_DATA_FLOAT();
      case BF16 -> CUDNN_DATA_BFLOAT16();
      default -> throw new IllegalArgumentException("cuDNN does not compute in " + dtype + " here");
    };
  }

  CudnnDescriptor longs(int attribute, long... values) {
    try (Arena arena = Arena.ofConfined()) {
      return set(
          attribute,
          CUDNN_TYPE_INT64(),
          values.length,
          arena.allocateFrom(ValueLayout.JAVA_LONG, values));
    }
  }

  /** An enumeration's value, or a 32-bit integer. */
  CudnnDescriptor value(int attribute, int type, int value) {
    try (Arena arena = Arena.ofConfined()) {
      return set(attribute, type, 1, arena.allocateFrom(ValueLayout.JAVA_INT, value));
    }
  }

  CudnnDescriptor dataType(int attribute, DType dtype) {
    return value(attribute, CUDNN_TYPE_DATA_TYPE(), dataType(dtype));
  }

  CudnnDescriptor floating(int attribute, float value) {
    try (Arena arena = Arena.ofConfined()) {
      return set(
          attribute, CUDNN_TYPE_FLOAT(), 1, arena.allocateFrom(ValueLayout.JAVA_FLOAT, value));
    }
  }

  /** Sets a flag; there is no need to unset one. */
  CudnnDescriptor flag(int attribute) {
    try (Arena arena = Arena.ofConfined()) {
      return set(
          attribute,
          CUDNN_TYPE_BOOLEAN(),
          1,
          arena.allocateFrom(ValueLayout.JAVA_BYTE, (byte) 1)); // a bool of C++
    }
  }

  CudnnDescriptor text(int attribute, byte[] characters) {
    try (Arena arena = Arena.ofConfined()) {
      return set(
          attribute,
          CUDNN_TYPE_CHAR(),
          characters.length,
          arena.allocateFrom(ValueLayout.JAVA_BYTE, characters));
    }
  }

  CudnnDescriptor pointers(int attribute, int type, MemorySegment... values) {
    try (Arena arena = Arena.ofConfined()) {
      return set(attribute, type, values.length, addresses(arena, values));
    }
  }

  CudnnDescriptor descriptors(int attribute, CudnnDescriptor... values) {
    MemorySegment[] pointers = new MemorySegment[values.length];
    for (int i = 0; i < values.length; i++) {
      pointers[i] = values[i].pointer();
    }
    return pointers(attribute, CUDNN_TYPE_BACKEND_DESCRIPTOR(), pointers);
  }

  private static MemorySegment addresses(Arena arena, MemorySegment... values) {
    MemorySegment addresses = arena.allocate(ValueLayout.ADDRESS, values.length);
    for (int i = 0; i < values.length; i++) {
      addresses.setAtIndex(ValueLayout.ADDRESS, i, values[i]);
    }
    return addresses;
  }

  private CudnnDescriptor set(int attribute, int type, long count, MemorySegment elements) {
    int status = cudnnBackendSetAttribute(handle.pointer(), attribute, type, count, elements);
    if (status != 0) {
      CudnnStatus.check("cudnnBackendSetAttribute of attribute " + attribute, status);
    }
    return this;
  }

  /**
   * Finishes the descriptor; the library checks it.
   *
   * @param what it is, for the message
   */
  CudnnDescriptor finish(String what) {
    int status = cudnnBackendFinalize(handle.pointer());
    if (status != 0) {
      CudnnStatus.check("cudnnBackendFinalize of " + what, status);
    }
    return this;
  }

  /** Returns a 64-bit attribute. */
  long longAttribute(int attribute) {
    return longsAttribute(attribute, 1)[0];
  }

  /** Returns at most so many numbers of an attribute. */
  long[] longsAttribute(int attribute, int most) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment values = arena.allocate(ValueLayout.JAVA_LONG, most);
      long count = get(attribute, CUDNN_TYPE_INT64(), most, values, arena);
      return values.asSlice(0, count * Long.BYTES).toArray(ValueLayout.JAVA_LONG);
    }
  }

  /** Returns at most so many values of an enumeration. */
  int[] valuesAttribute(int attribute, int type, int most) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment values = arena.allocate(ValueLayout.JAVA_INT, most);
      long count = get(attribute, type, most, values, arena);
      return values.asSlice(0, count * Integer.BYTES).toArray(ValueLayout.JAVA_INT);
    }
  }

  /** Returns how many descriptors an attribute has. */
  int countOfDescriptors(int attribute) {
    try (Arena arena = Arena.ofConfined()) {
      return Math.toIntExact(
          get(attribute, CUDNN_TYPE_BACKEND_DESCRIPTOR(), 0, MemorySegment.NULL, arena));
    }
  }

  /** Fills empty descriptors with those of an attribute, and returns how many it filled. */
  int descriptorsAttribute(int attribute, CudnnDescriptor... empty) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment pointers = arena.allocate(ValueLayout.ADDRESS, Math.max(1, empty.length));
      for (int i = 0; i < empty.length; i++) {
        pointers.setAtIndex(ValueLayout.ADDRESS, i, empty[i].pointer());
      }
      int type = CUDNN_TYPE_BACKEND_DESCRIPTOR();
      return Math.toIntExact(get(attribute, type, empty.length, pointers, arena));
    }
  }

  /** The library says how many elements there are, which may be more than were asked for. */
  private long get(int attribute, int type, int most, MemorySegment elements, Arena arena) {
    MemorySegment count = arena.allocate(ValueLayout.JAVA_LONG);
    int status = cudnnBackendGetAttribute(handle.pointer(), attribute, type, most, count, elements);
    if (status != 0) {
      CudnnStatus.check("cudnnBackendGetAttribute of attribute " + attribute, status);
    }
    long there = count.get(ValueLayout.JAVA_LONG, 0);
    return most == 0 ? there : Math.min(most, there);
  }

  /** Returns the descriptor for the library's calls. */
  MemorySegment pointer() {
    return handle.pointer();
  }

  @Override
  public void close() {
    handle.close();
  }
}

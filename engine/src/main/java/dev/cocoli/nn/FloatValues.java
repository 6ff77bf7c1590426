package dev.cocoli.nn;

import dev.cocoli.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** The elements of a floating-point array of a weights file, in fp32. */
final class FloatValues {
  private static final int PIECE = 1 << 13;
  private static final int INFINITY_BITS = 0x7F800000;

  private static final long EXPONENTS = 0x7F8000007F800000L;
  private static final long LOWEST_OF_EXPONENTS = 0x0080000000800000L;
  private static final long SIGNS = 0x8000000080000000L;

  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfDouble DOUBLE =
      ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private FloatValues() {}

  /** Returns whether arrays of a type can be read. */
  static boolean canRead(DType type) {
    return switch (type) {
      case F32, F16, BF16, F64 -> true;
      default -> false;
    };
  }

  /** Returns all elements in fp32: a view of those that are so already, else a copy. */
  static MemorySegment of(Safetensors.Entry entry, Arena arena) {
    if (entry.dtype() == DType.F32) {
      return entry.data();
    }
    long count = entry.shape().elementCount();
    MemorySegment values = arena.allocate(count * Float.BYTES, Long.BYTES);
    int[] bits = new int[PIECE];
    for (long at = 0; at < count; at += PIECE) {
      int size = (int) Math.min(PIECE, count - at);
      read(entry, at, bits, size);
      MemorySegment.copy(bits, 0, values, INT, at * Float.BYTES, size);
    }
    return values;
  }

  /** Returns whether all elements are finite in fp32. */
  static boolean areFinite(Safetensors.Entry entry) {
    if (entry.dtype() == DType.F32 && entry.shape().elementCount() % 2 == 0) {
      return pairsAreFinite(entry.data());
    }
    int[] bits = new int[PIECE];
    long count = entry.shape().elementCount();
    for (long at = 0; at < count; at += PIECE) {
      int size = (int) Math.min(PIECE, count - at);
      read(entry, at, bits, size);
      if (largestMagnitude(bits, size) >= INFINITY_BITS) {
        return false;
      }
    }
    return true;
  }

  /**
   * Looks at two elements at once, because all weights of a network are checked before the JVM has
   * compiled this well. One more than an exponent of ones carries into the place of the sign.
   */
  private static boolean pairsAreFinite(MemorySegment data) {
    long[] pairs = new long[PIECE];
    long count = data.byteSize() / Long.BYTES;
    long carries = 0;
    for (long at = 0; at < count; at += PIECE) {
      int size = (int) Math.min(PIECE, count - at);
      MemorySegment.copy(data, LONG, at * Long.BYTES, pairs, 0, size);
      for (int i = 0; i < size; i++) {
        carries |= (pairs[i] & EXPONENTS) + LOWEST_OF_EXPONENTS;
      }
    }
    return (carries & SIGNS) == 0;
  }

  /**
   * The bits of the largest magnitude. Bits of magnitudes compare like the magnitudes; those of
   * NaNs are the greatest.
   */
  private static int largestMagnitude(int[] bits, int size) {
    int largest = 0;
    for (int i = 0; i < size; i++) {
      largest = Math.max(largest, bits[i] & Integer.MAX_VALUE);
    }
    return largest;
  }

  private static void read(Safetensors.Entry entry, long at, int[] bits, int size) {
    MemorySegment data = entry.data();
    switch (entry.dtype()) {
      case F32 -> MemorySegment.copy(data, INT, at * Float.BYTES, bits, 0, size);
      case BF16 -> {
        for (int i = 0; i < size; i++) {
          bits[i] = data.get(SHORT, 2 * (at + i)) << 16;
        }
      }
      case F16 -> {
        for (int i = 0; i < size; i++) {
          float value = Float.float16ToFloat(data.get(SHORT, 2 * (at + i)));
          bits[i] = Float.floatToRawIntBits(value);
        }
      }
      case F64 -> {
        for (int i = 0; i < size; i++) {
          bits[i] = Float.floatToRawIntBits((float) data.get(DOUBLE, 8 * (at + i)));
        }
      }
      default -> throw new IllegalArgumentException("no floats: " + entry.dtype());
    }
  }
}

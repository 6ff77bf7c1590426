package dev.cocoli.benchmarks.roofline;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HexFormat;

/**
 * Reads the structure that a kernel takes, field by field in the order of its declaration, aligned
 * as C++ aligns them. Each field is checked as far as its type allows, so that a list of fields
 * that is out of date is noticed.
 */
final class KernelArguments {
  private static final long LEAST_ADDRESS = 1L << 32;
  private static final long MOST_ELEMENTS = 1L << 40;

  private final String kernel;
  private final ByteBuffer bytes;

  /**
   * Begins at the first field.
   *
   * @param kernel the kernel's name, for messages
   * @param hex the structure's bytes and what lies after them
   */
  KernelArguments(String kernel, String hex) {
    this.kernel = kernel;
    bytes = ByteBuffer.wrap(HexFormat.of().parseHex(hex)).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** Reads a pointer; returns whether it is not null. */
  boolean pointer() {
    long address = field(Long.BYTES).getLong();
    require(address == 0 || address >= LEAST_ADDRESS, "a pointer");
    return address != 0;
  }

  /** Passes over pointers. */
  KernelArguments pointers(int count) {
    for (int i = 0; i < count; i++) {
      pointer();
    }
    return this;
  }

  /** Reads a number of elements, rows or bytes. */
  long i64() {
    long value = field(Long.BYTES).getLong();
    require(value >= 0 && value < MOST_ELEMENTS, "a number of elements");
    return value;
  }

  /** Reads a {@code u64} that may be anything. */
  void seed() {
    field(Long.BYTES).getLong();
  }

  int i32() {
    return field(Integer.BYTES).getInt();
  }

  float f32() {
    return field(Float.BYTES).getFloat();
  }

  /** Reads a {@code Divider}; returns its divisor. */
  long divider() {
    long divisor = Integer.toUnsignedLong(i32());
    long multiplier = Integer.toUnsignedLong(i32());
    int shift = i32();
    require(divisor > 0 && shift == 64 - Long.numberOfLeadingZeros(divisor - 1), "a divider");
    require(
        multiplier == (((1L << 32) * ((1L << shift) - divisor)) / divisor + 1 & 0xffffffffL),
        "a divider");
    return divisor;
  }

  private ByteBuffer field(int size) {
    bytes.position(Math.ceilDiv(bytes.position(), size) * size);
    return bytes;
  }

  private void require(boolean condition, String what) {
    if (!condition) {
      throw new RooflineException(
          "the arguments of "
              + kernel
              + " are not those that KernelTraffic lists: at byte "
              + bytes.position()
              + " there is not "
              + what);
    }
  }
}

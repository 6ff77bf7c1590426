package dev.cocoli.tensor;

/**
 * The type of a tensor's elements. Devices compute with the first five; the others occur in weights
 * files only.
 */
public enum DType {
  /** 32-bit IEEE 754. */
  F32(4),
  /** The upper half of an {@link #F32}. */
  BF16(2),
  /** 32-bit signed integer. */
  I32(4),
  /** 64-bit signed integer. */
  I64(8),
  /** 8-bit unsigned integer. */
  U8(1),
  /** 64-bit IEEE 754. */
  F64(8),
  /** 16-bit IEEE 754. */
  F16(2),
  /** 8-bit float with 4 bits of exponent. */
  F8_E4M3(1),
  /** 8-bit float with 5 bits of exponent. */
  F8_E5M2(1),
  /** 16-bit signed integer. */
  I16(2),
  /** 8-bit signed integer. */
  I8(1),
  /** 16-bit unsigned integer. */
  U16(2),
  /** 32-bit unsigned integer. */
  U32(4),
  /** 64-bit unsigned integer. */
  U64(8),
  /** A byte that is 0 or 1. */
  BOOL(1);

  private final int byteSize;

  DType(int byteSize) {
    this.byteSize = byteSize;
  }

  /** {@return the bytes of one element} */
  public int byteSize() {
    return byteSize;
  }

  /** {@return whether its elements are whole numbers} */
  public boolean isInteger() {
    return switch (this) {
      case I64, I32, I16, I8, U64, U32, U16, U8, BOOL -> true;
      case F64, F32, F16, BF16, F8_E4M3, F8_E5M2 -> false;
    };
  }
}

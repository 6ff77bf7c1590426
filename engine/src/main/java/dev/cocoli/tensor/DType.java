package dev.cocoli.tensor;

/** The type of a tensor's elements. */
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
  U8(1);

  private final int byteSize;

  DType(int byteSize) {
    this.byteSize = byteSize;
  }

  /** {@return the bytes of one element} */
  public int byteSize() {
    return byteSize;
  }
}

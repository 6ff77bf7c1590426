package dev.cocoli.tensor;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * What a network computes in. Parameters, their gradients, statistics, losses and boxes are fp32 in
 * either; activations, their gradients and the copies of weights that products read are what
 * differs.
 */
public enum Precision {
  /** 32-bit floating point throughout. */
  FP32(DType.F32),
  /**
   * Mixed: bfloat16 activations and weights, products summed in fp32 (Micikevicius et al. 2018;
   * torch's autocast).
   */
  BF16(DType.BF16);

  private final DType activations;

  Precision(DType activations) {
    this.activations = activations;
  }

  /** {@return the type of activations} */
  public DType activations() {
    return activations;
  }

  /**
   * {@return the precision of a name, {@code fp32} or {@code bf16}}
   *
   * @param name the name
   * @throws IllegalArgumentException if it names none
   */
  public static Precision parse(String name) {
    for (Precision precision : values()) {
      if (precision.toString().equals(name)) {
        return precision;
      }
    }
    throw new IllegalArgumentException(
        "unknown precision '"
            + name
            + "': it is "
            + Arrays.stream(values()).map(Precision::toString).collect(Collectors.joining(" or ")));
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}

package dev.cocoli.tensor;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * The number format that a network computes in. It determines the type of activations, of their
 * gradients, and of the copies of weights that matmuls and convolutions read. Parameters, their
 * gradients, statistics, losses and boxes are fp32 with either.
 */
public enum Precision {
  /** 32-bit floating point throughout. */
  FP32(DType.F32),
  /**
   * Mixed precision: bfloat16 activations and weights, matmuls and convolutions summed in fp32
   * (Micikevicius et al. 2018; torch's autocast).
   */
  BF16(DType.BF16);

  private final DType activations;

  Precision(DType activations) {
    this.activations = activations;
  }

  /** {@return the element type of activations} */
  public DType activations() {
    return activations;
  }

  /**
   * {@return the precision with a name, {@code fp32} or {@code bf16}}
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
        "unknown precision '%s': it is %s"
            .formatted(
                name,
                Arrays.stream(values())
                    .map(Precision::toString)
                    .collect(Collectors.joining(" or "))));
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}

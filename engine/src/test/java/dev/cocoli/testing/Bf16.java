package dev.cocoli.testing;

import static org.junit.jupiter.api.Assumptions.abort;

import dev.cocoli.backend.Backend;
import dev.cocoli.tensor.Precision;

/** Rounding and assumptions for tests of mixed precision. */
public final class Bf16 {
  private Bf16() {}

  /**
   * Skips a test if the backend does not compute in bf16.
   *
   * @param backend the backend
   */
  public static void assume(Backend backend) {
    try {
      backend.require(Precision.BF16);
    } catch (IllegalArgumentException e) {
      abort(e.getMessage());
    }
  }

  /**
   * {@return the nearest bfloat16; of two equally near ones that with an even mantissa}
   *
   * @param value any number
   */
  public static float round(float value) {
    float below = Float.intBitsToFloat(Float.floatToRawIntBits(value) & 0xFFFF0000);
    if (Float.isNaN(value) || Float.isInfinite(value) || value == below) {
      return value;
    }
    int bits = Float.floatToRawIntBits(below);
    float above = Float.intBitsToFloat(bits + 0x10000);
    double toBelow = Math.abs((double) value - below);
    // the next power of two takes the place of infinity
    double top = Float.isInfinite(above) ? Math.copySign(0x1p128, value) : above;
    double toAbove = Math.abs(top - value);
    if (toBelow == toAbove) {
      return (bits >>> 16) % 2 == 0 ? below : above;
    }
    return toBelow < toAbove ? below : above;
  }

  /**
   * {@return the values, each rounded}
   *
   * @param values any numbers
   */
  public static float[] round(float[] values) {
    float[] rounded = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      rounded[i] = round(values[i]);
    }
    return rounded;
  }
}

package dev.cocoli.benchmarks;

/** The precisions that a benchmark can ask for. */
public final class Precisions {
  /** 32-bit floating point. */
  public static final String FP32 = "fp32";

  private Precisions() {}

  /**
   * {@return the precision of that name}
   *
   * @param name {@code fp32}; this is the one place to add another
   * @throws IllegalArgumentException if the engine does not compute in it
   */
  public static String require(String name) {
    if (!name.equals(FP32)) {
      throw new IllegalArgumentException(
          "precision " + name + ": this version of the engine computes in " + FP32 + " only");
    }
    return name;
  }
}

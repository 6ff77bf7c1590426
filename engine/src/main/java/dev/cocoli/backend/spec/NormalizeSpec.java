package dev.cocoli.backend.spec;

/**
 * Mean and standard deviation of each of the colours red, green, blue, in units where white is 1.
 *
 * @param mean three means
 * @param std three standard deviations
 */
public record NormalizeSpec(float[] mean, float[] std) {

  /** Copies and checks the arrays. */
  public NormalizeSpec {
    mean = mean.clone();
    std = std.clone();
    if (mean.length != 3 || std.length != 3) {
      throw new IllegalArgumentException(
          "a mean and a standard deviation for each of red, green, blue");
    }
  }
}

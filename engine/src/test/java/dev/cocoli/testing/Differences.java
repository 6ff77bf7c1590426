package dev.cocoli.testing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

/** Compares arrays and reports where they differ most. */
public final class Differences {
  private Differences() {}

  /**
   * Fails if an element differs by more than a tolerance, or one is NaN and the other is not.
   *
   * @param expected the correct values
   * @param actual the computed values
   * @param tolerance the largest difference allowed
   * @param what names the arrays in the message
   */
  public static void assertClose(float[] expected, float[] actual, double tolerance, String what) {
    assertEquals(expected.length, actual.length, what + ": number of elements");
    int worst = -1;
    double most = tolerance;
    for (int i = 0; i < expected.length; i++) {
      if (Float.compare(expected[i], actual[i]) == 0) {
        continue;
      }
      double difference = Math.abs((double) expected[i] - actual[i]);
      if (!(difference <= most)) {
        worst = i;
        most = difference;
        if (Double.isNaN(difference)) {
          break;
        }
      }
    }
    if (worst >= 0) {
      fail(
          what
              + ": element "
              + worst
              + " is "
              + actual[worst]
              + ", not "
              + expected[worst]
              + " (difference "
              + most
              + ", allowed "
              + tolerance
              + ")");
    }
  }

  /**
   * {@return the norm of the difference over the norm of the correct values}
   *
   * @param expected the correct values
   * @param actual the computed values
   */
  public static double relativeNorm(float[] expected, float[] actual) {
    assertEquals(expected.length, actual.length, "number of elements");
    double difference = 0;
    double norm = 0;
    for (int i = 0; i < expected.length; i++) {
      double d = (double) expected[i] - actual[i];
      difference += d * d;
      norm += (double) expected[i] * expected[i];
    }
    return norm == 0 ? Math.sqrt(difference) : Math.sqrt(difference / norm);
  }
}

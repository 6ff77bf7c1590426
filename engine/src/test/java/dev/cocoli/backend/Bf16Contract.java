package dev.cocoli.backend;

import static dev.cocoli.testing.Differences.relativeNorm;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.testing.BackendContract;
import dev.cocoli.testing.Bf16;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The same numbers in F32 and in BF16, and how near results have to be: on the same rounded inputs
 * BF16 owes the result of F32, rounded once. That of F32 is held against torch elsewhere.
 */
@MethodSource("dev.cocoli.testing.TestBackends#deterministic")
abstract class Bf16Contract extends BackendContract {
  /**
   * Half the distance of neighbours, relative to the smaller, and room for sums in another order.
   */
  static final double ROUNDING = 1.01 / 256;

  static final long SEED = 91;
  final Random random = new Random(SEED);

  @BeforeEach
  void skipWithoutBf16() {
    Bf16.assume(backend);
  }

  /** The same numbers twice. */
  record Pair(Tensor f32, Tensor bf16) {}

  Pair pair(long... dims) {
    return pair(values(random, count(dims)), dims);
  }

  Pair pair(float[] values, long... dims) {
    float[] rounded = Bf16.round(values);
    return new Pair(tensors.floats(rounded, dims), tensors.bfloats(rounded, dims));
  }

  Pair output(long... dims) {
    float[] unwritten = new float[count(dims)];
    java.util.Arrays.fill(unwritten, Float.NaN);
    return new Pair(tensors.floats(unwritten, dims), tensors.bfloats(unwritten, dims));
  }

  Tensor zeros(long... dims) {
    return tensors.floats(new float[count(dims)], dims);
  }

  static int count(long... dims) {
    long count = 1;
    for (long dim : dims) {
      count *= dim;
    }
    return Math.toIntExact(count);
  }

  /** Holds a result against F32's, rounded. */
  void assertRounded(Pair results, String what) {
    assertRounded(results.f32, results.bf16, what);
  }

  void assertRounded(Tensor exact, Tensor rounded, String what) {
    assertEquals(DType.BF16, rounded.dtype());
    assertNear(exact, rounded, what);
  }

  /** Holds a result against F32's; it may have been rounded to bf16. */
  void assertNear(Tensor exact, Tensor rounded, String what) {
    float[] expected = tensors.floats(exact);
    float[] actual = tensors.floats(rounded);
    double scale = norm(expected) / Math.sqrt(Math.max(1, expected.length));
    for (int i = 0; i < expected.length; i++) {
      double allowed = ROUNDING * Math.abs(expected[i]) + 1e-5 * scale;
      double difference = Math.abs((double) expected[i] - actual[i]);
      assertTrue(
          difference <= allowed,
          what + " [" + i + "] is " + actual[i] + ", not " + expected[i] + ", seed " + SEED);
    }
  }

  private static double norm(float[] x) {
    return relativeNorm(new float[x.length], x);
  }

  void assertSame(Tensor expected, Tensor actual, String what) {
    assertEquals(DType.F32, actual.dtype());
    double difference = relativeNorm(tensors.floats(expected), tensors.floats(actual));
    assertTrue(difference < 2e-6, what + " is off by " + difference + ", seed " + SEED);
  }
}

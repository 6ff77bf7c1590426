package dev.cocoli.backend;

import static dev.cocoli.testing.Differences.assertClose;
import static dev.cocoli.testing.Differences.relativeNorm;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cocoli.backend.spec.SgdSpec;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Shape;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.testing.BackendContract;
import dev.cocoli.testing.OracleFile;
import dev.cocoli.testing.TestBackends;
import dev.cocoli.testing.TestTensors;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What norms, clipping, the step of SGD and folding owe. */
class UpdateContractTest extends BackendContract {

  @Test
  void clippedStepsAreTorchs() {
    OracleFile oracle = OracleFile.resource("/oracle/regions.safetensors");
    JsonNode parameters = oracle.parameters("sgd");
    SgdSpec spec =
        new SgdSpec(
            (float) parameters.get("lr").asDouble(),
            (float) parameters.get("momentum").asDouble(),
            (float) parameters.get("weight_decay").asDouble());
    float[] start = oracle.floats("sgd.in.parameter");
    Tensor parameter = tensors.floats(start);
    Tensor velocity = tensors.floats(new float[start.length]);
    Tensor norm = tensors.floatOutput(1);
    for (int step = 0; step < 3; step++) {
      Tensor gradient = tensors.floats(oracle.floats("sgd.in.gradient" + step));
      backend.updates().squaredNorm(gradient, norm);
      backend.updates().clipByNorm(gradient, norm, (float) parameters.get("max_norm").asDouble());
      float[] clipped = oracle.floats("sgd.out.clipped" + step);
      assertTrue(relativeNorm(clipped, tensors.floats(gradient)) < 1e-6, "gradient " + step);
      backend.updates().sgdUpdate(spec, parameter, gradient, velocity);
      float[] moved = oracle.floats("sgd.out.parameter" + step);
      assertClose(moved, tensors.floats(parameter), 1e-6, "parameter after step " + step);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 3, 65_537, 400_001})
  void sumsSquares(int count) {
    float[] x = values(new Random(count), count);
    Tensor sum = tensors.floatOutput(1);
    backend.updates().squaredNorm(tensors.floats(x, count), sum);
    double expected = 0;
    for (float value : x) {
      expected += (double) value * value;
    }
    assertEquals(expected, tensors.floats(sum)[0], 1e-6 * expected);
  }

  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
  void theNormShowsWhatIsNotFinite(float bad) {
    float[] x = new float[100_000];
    x[77_777] = bad;
    Tensor sum = tensors.floatOutput(1);
    backend.updates().squaredNorm(tensors.floats(x), sum);
    assertFalse(Float.isFinite(tensors.floats(sum)[0]));
  }

  @Test
  void leavesAGradientBelowTheNormAlone() {
    float[] x = {3, -4, 0};
    Tensor gradient = tensors.floats(x);
    backend.updates().clipByNorm(gradient, tensors.floats(new float[] {25}), 5.1f);
    assertArrayEquals(x, tensors.floats(gradient));
    backend.updates().clipByNorm(gradient, tensors.floats(new float[] {25}), 1);
    assertClose(new float[] {0.6f, -0.8f, 0}, tensors.floats(gradient), 1e-6, "clipped");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2047, 2048, 70_001})
  void scalesEveryElementOnce(int count) {
    float[] x = values(new Random(count), count);
    Tensor scaled = tensors.floats(x, count);
    backend.updates().scale(scaled, 0.7f);
    float[] expected = new float[count];
    for (int i = 0; i < count; i++) {
      expected[i] = x[i] * 0.7f;
    }
    assertArrayEquals(expected, tensors.floats(scaled));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2047, 2048, 70_001})
  void stepsEveryElementOnce(int count) {
    Random random = new Random(count);
    float[] p = values(random, count);
    float[] g = values(random, count);
    float[] v = values(random, count);
    Tensor parameter = tensors.floats(p, count);
    Tensor velocity = tensors.floats(v, count);
    backend
        .updates()
        .sgdUpdate(new SgdSpec(0.5f, 0.25f, 0.125f), parameter, tensors.floats(g, count), velocity);
    float[] moved = new float[count];
    float[] newVelocity = new float[count];
    for (int i = 0; i < count; i++) {
      newVelocity[i] = 0.25f * v[i] + g[i] + 0.125f * p[i];
      moved[i] = p[i] - 0.5f * newVelocity[i];
    }
    assertClose(newVelocity, tensors.floats(velocity), 1e-6, "velocity");
    assertClose(moved, tensors.floats(parameter), 1e-6, "parameter");
  }

  /** What begins between two pieces of 16 bytes is worked on element by element. */
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void parametersMayBeginAnywhere(int shift) {
    int count = 3001;
    Random random = new Random(shift);
    float[] p = values(random, count);
    float[] g = values(random, count);
    Tensor parameter = shifted(p, shift);
    Tensor gradient = tensors.floats(g);
    Tensor velocity = shifted(new float[count], shift);
    Tensor aligned = tensors.floats(p);
    Tensor alignedVelocity = tensors.floats(new float[count]);
    SgdSpec spec = new SgdSpec(0.1f, 0.9f, 1e-3f);
    backend.updates().sgdUpdate(spec, parameter, gradient, velocity);
    backend.updates().sgdUpdate(spec, aligned, gradient, alignedVelocity);
    assertArrayEquals(tensors.floats(aligned), tensors.floats(parameter));
    assertArrayEquals(tensors.floats(alignedVelocity), tensors.floats(velocity));
    Tensor sum = tensors.floatOutput(1);
    Tensor alignedSum = tensors.floatOutput(1);
    backend.updates().squaredNorm(parameter, sum);
    backend.updates().squaredNorm(aligned, alignedSum);
    float squares = tensors.floats(alignedSum)[0];
    assertEquals(squares, tensors.floats(sum)[0], 1e-6 * squares);
    backend.updates().clipByNorm(parameter, alignedSum, 2);
    backend.updates().clipByNorm(aligned, alignedSum, 2);
    assertArrayEquals(tensors.floats(aligned), tensors.floats(parameter));
    backend.updates().scale(parameter, 0.3f);
    backend.updates().scale(aligned, 0.3f);
    assertArrayEquals(tensors.floats(aligned), tensors.floats(parameter));
  }

  private Tensor shifted(float[] values, int shift) {
    float[] longer = new float[values.length + shift];
    System.arraycopy(values, 0, longer, shift, values.length);
    return tensors.floats(longer).view(4L * shift, Shape.of(values.length), DType.F32);
  }

  @Test
  void theNormHasTheSameBitsAgain() {
    Tensor x = tensors.floats(values(new Random(5), 300_007));
    Tensor sum = tensors.floatOutput(1);
    backend.updates().squaredNorm(x, sum);
    float first = tensors.floats(sum)[0];
    for (int run = 0; run < 3; run++) {
      backend.updates().squaredNorm(x, sum);
      assertEquals(first, tensors.floats(sum)[0]);
    }
  }

  @Test
  void foldsAFixedNormalisation() {
    Tensor scale = tensors.floatOutput(2);
    Tensor shift = tensors.floatOutput(2);
    backend
        .norms()
        .foldBatchNorm(
            tensors.floats(new float[] {2, 3}),
            tensors.floats(new float[] {1, -1}),
            tensors.floats(new float[] {0.5f, 4}),
            tensors.floats(new float[] {4, 0}),
            0.25f,
            scale,
            shift);
    double first = 2 / Math.sqrt(4.25);
    float[] factors = {(float) first, 6};
    float[] addends = {(float) (1 - 0.5 * first), -25};
    assertClose(factors, tensors.floats(scale), 1e-6, "scale");
    assertClose(addends, tensors.floats(shift), 1e-5, "shift");
  }

  @Test
  void theNormDoesNotDependOnTheThreads() {
    assertEquals(norm(1), norm(3));
  }

  private static float norm(int threads) {
    try (Backend cpu = TestBackends.cpu(threads);
        TestTensors own = new TestTensors(cpu)) {
      Tensor sum = own.floatOutput(1);
      cpu.updates().squaredNorm(own.floats(values(new Random(1), 1_000_003)), sum);
      return own.floats(sum)[0];
    }
  }
}

package dev.cocoli.backend;

import static dev.cocoli.testing.Differences.assertClose;
import static dev.cocoli.testing.Differences.relativeNorm;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.backend.spec.Activation;
import dev.cocoli.backend.spec.BatchNormSpec;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.testing.Bf16;
import dev.cocoli.testing.OracleFile;
import dev.cocoli.testing.TestBackends;
import dev.cocoli.testing.TestTensors;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What batch normalisation in training owes on every backend. */
@ParameterizedClass
@MethodSource("dev.cocoli.testing.TestBackends#all")
@Tag("contract")
class BatchNormContractTest {
  @Parameter Backend backend;
  private TestTensors tensors;

  @BeforeEach
  void open() {
    tensors = new TestTensors(backend);
  }

  @AfterEach
  void close() {
    tensors.close();
  }

  @Test
  void computesWhatTorchDoes() {
    OracleFile oracle = OracleFile.ops();
    String name = "batch_norm.train";
    BatchNormSpec spec = new BatchNormSpec(1e-5f, 0.1f, Activation.NONE);
    Tensor x = tensors.floats(oracle.channelsLast(name + ".in.x"), 4, 5, 7, 6);
    Tensor weight = tensors.floats(oracle.floats(name + ".in.weight"));
    Tensor bias = tensors.floats(oracle.floats(name + ".in.bias"));
    Tensor mean = tensors.floatOutput(6);
    Tensor invStd = tensors.floatOutput(6);
    Tensor y = tensors.floatOutput(4, 5, 7, 6);
    Tensor running = tensors.floats(new float[6]);
    Tensor variance = tensors.floats(new float[6]);
    backend
        .norms()
        .batchNorm(spec, x, weight, bias, null, running, variance, null, mean, invStd, y);
    assertClose(oracle.channelsLast(name + ".out.y"), tensors.floats(y), 5e-6, "y");

    Tensor dy = tensors.floats(oracle.channelsLast(name + ".seed"), 4, 5, 7, 6);
    Tensor dx = tensors.floatOutput(4, 5, 7, 6);
    Tensor dWeight = tensors.floats(new float[6]);
    Tensor dBias = tensors.floats(new float[6]);
    backend
        .norms()
        .batchNormBackward(
            spec, x, weight, bias, null, mean, invStd, y, dy, null, dx, dWeight, dBias);
    assertClose(oracle.channelsLast(name + ".grad.x"), tensors.floats(dx), 1e-5, "dx");
    assertClose(oracle.floats(name + ".grad.weight"), tensors.floats(dWeight), 1e-4, "dWeight");
    assertClose(oracle.floats(name + ".grad.bias"), tensors.floats(dBias), 1e-4, "dBias");
  }

  /** Images, height, width, channels, mean of the input. */
  @ParameterizedTest
  @CsvSource({
    "1,1,2,3, 0",
    "2,5,7,6, 0",
    "1,9,31,64, 3",
    "2,33,17,24, -20",
    "1,61,70,8, 100",
    "1,7,5,1500, 1",
    "3,40,50,64, 0",
    "1,3,3,132, 5",
    "1,2,2,129, 0",
    "1,3,70,1, 50",
    "1,91,97,33, 2"
  })
  void computesTailStatisticsAndGradients(int n, int h, int w, int c, float offset) {
    for (Activation activation : Activation.values()) {
      for (boolean withResidual : new boolean[] {false, true}) {
        check(n, h, w, c, offset, activation, withResidual);
      }
    }
  }

  private void check(
      int n, int h, int w, int c, float offset, Activation activation, boolean withResidual) {
    long seed = 53;
    Random random = new Random(seed);
    int rows = n * h * w;
    float[] x = gaussians(random, rows * c);
    for (int i = 0; i < x.length; i++) {
      x[i] = x[i] * (1 + i % c % 5) + offset;
    }
    float[] weight = gaussians(random, c);
    float[] bias = gaussians(random, c);
    float[] residual = gaussians(random, x.length);
    float[] dy = gaussians(random, x.length);
    float[] y = new float[x.length];
    float[] masked = new float[x.length];
    float[] dx = new float[x.length];
    float[] dWeight = gaussians(random, c);
    float[] dBias = gaussians(random, c);
    float[] products = new float[c];
    float[] sums = new float[2 * c];
    float[] centre = new float[c];
    float[] moments = new float[2 * c];
    float[] moved = new float[c];
    float[] movedVar = new float[c];
    float[] running = gaussians(random, c);
    float[] runningVar = gaussians(random, c);
    BatchNormSpec spec = new BatchNormSpec(1e-5f, 0.3f, activation);
    final Tensor tRunning = tensors.floats(running);
    final Tensor tRunningVar = tensors.floats(runningVar);
    final Tensor tDWeight = tensors.floats(dWeight);
    final Tensor tDBias = tensors.floats(dBias);
    for (int k = 0; k < c; k++) {
      double mean = 0;
      for (int r = 0; r < rows; r++) {
        mean += x[r * c + k];
      }
      mean /= rows;
      double variance = 0;
      for (int r = 0; r < rows; r++) {
        variance += (x[r * c + k] - mean) * (x[r * c + k] - mean);
      }
      variance /= rows;
      double inverse = 1 / Math.sqrt(variance + 1e-5f);
      running[k] = (float) (0.7 * running[k] + 0.3 * mean);
      runningVar[k] = (float) (0.7 * runningVar[k] + 0.3 * variance * rows / (rows - 1));
      centre[k] = (float) (mean + 0.5 * Math.sqrt(variance));
      moments[k] = (float) (rows * (mean - centre[k]));
      moments[c + k] = (float) (rows * (variance + (mean - centre[k]) * (mean - centre[k])));
      moved[k] = (float) (0.7 * centre[k] + 0.3 * mean);
      movedVar[k] = (float) (0.3 * variance * rows / (rows - 1));
      double sum = 0;
      double product = 0;
      for (int i = k; i < x.length; i += c) {
        double value = (x[i] - mean) * inverse * weight[k] + bias[k];
        value += withResidual ? residual[i] : 0;
        boolean passes = activation == Activation.NONE || value > 0;
        y[i] = (float) (passes ? value : 0);
        masked[i] = passes ? dy[i] : 0;
        sum += masked[i];
        product += masked[i] * (x[i] - mean) * inverse;
      }
      for (int i = k; i < x.length; i += c) {
        double xhat = (x[i] - mean) * inverse;
        dx[i] = (float) (weight[k] * inverse * (masked[i] - sum / rows - xhat * product / rows));
      }
      dWeight[k] += (float) product;
      dBias[k] += (float) sum;
      products[k] = (float) product;
      sums[k] = (float) sum;
      sums[c + k] = (float) (product / inverse);
    }
    Tensor tx = tensors.floats(x, n, h, w, c);
    Tensor tWeight = tensors.floats(weight);
    Tensor tBias = tensors.floats(bias);
    Tensor tResidual = withResidual ? tensors.floats(residual, n, h, w, c) : null;
    Tensor mean = tensors.floatOutput(c);
    Tensor invStd = tensors.floatOutput(c);
    Tensor ty = tensors.floatOutput(n, h, w, c);
    backend
        .norms()
        .batchNorm(
            spec, tx, tWeight, tBias, tResidual, tRunning, tRunningVar, null, mean, invStd, ty);
    String what = "seed " + seed + ", " + activation + ", residual " + withResidual + ": ";
    near(y, ty, 1e-5, what + "y");
    near(running, tRunning, 1e-6, what + "running mean");
    near(runningVar, tRunningVar, 1e-6, what + "running variance");

    // the same from sums about a centre that is near the mean
    Tensor tCentre = tensors.floats(centre);
    Tensor tVar = tensors.floats(new float[c], c);
    Tensor tMoments = tensors.floats(moments, 2, c);
    backend
        .norms()
        .batchNorm(spec, tx, tWeight, tBias, tResidual, tCentre, tVar, tMoments, mean, invStd, ty);
    near(y, ty, 1e-5, what + "y from sums");
    near(moved, tCentre, 1e-6, what + "running mean from sums");
    near(movedVar, tVar, 1e-5, what + "running variance from sums");

    Tensor tDy = tensors.floats(dy, n, h, w, c);
    Tensor tDx = tensors.floatOutput(n, h, w, c);
    backend
        .norms()
        .batchNormBackward(
            spec, tx, tWeight, tBias, tResidual, mean, invStd, ty, tDy, null, tDx, tDWeight,
            tDBias);
    if (withResidual) {
      near(masked, tDy, 1e-6, what + "gradient of the residual");
    }
    near(dx, tDx, rows <= 2 ? 1e-2 : 2e-5, what + "dx");
    near(dWeight, tDWeight, 1e-5, what + "dWeight");
    near(dBias, tDBias, 1e-5, what + "dBias");
    tDy = tensors.floats(dy, n, h, w, c);
    backend
        .norms()
        .batchNormBackward(
            spec, tx, tWeight, tBias, tResidual, mean, invStd, ty, tDy, null, tDx, null, null);
    near(dx, tDx, rows <= 2 ? 1e-2 : 2e-5, what + "dx alone");
    // the same from the masked gradient and its sums
    Tensor added = tensors.floats(new float[c], c);
    Tensor addedBias = tensors.floats(new float[c], c);
    Tensor tMasked = tensors.floats(masked, n, h, w, c);
    backend
        .norms()
        .batchNormBackward(
            spec.withoutActivation(),
            tx,
            tWeight,
            tBias,
            tResidual,
            mean,
            invStd,
            ty,
            tMasked,
            tensors.floats(sums, 2, c),
            tDx,
            added,
            addedBias);
    near(dx, tDx, rows <= 2 ? 1e-2 : 2e-5, what + "dx from sums");
    near(products, added, 1e-5, what + "dWeight from sums");
    near(Arrays.copyOf(sums, c), addedBias, 1e-5, what + "dBias from sums");
    if (withResidual) {
      assertArrayEquals(masked, tensors.floats(tMasked), what + "gradient of the residual");
    }
  }

  /**
   * The gradient passes where y is positive, to the bit: where y is 0 but for roundings, and where
   * it is positive before it is rounded to bf16 and 0 after. Height, channels.
   */
  @ParameterizedTest
  @CsvSource({"3, 64", "40, 7", "29, 16"})
  void theMaskIsThatOfTheOutput(int h, int c) {
    BatchNormSpec relu = new BatchNormSpec(1e-5f, 0.1f, Activation.RELU);
    Random random = new Random(67);
    int rows = 2 * h * 31;
    float[] x = new float[rows * c];
    for (int i = 0; i < x.length; i++) {
      x[i] = random.nextInt(7) * (1 + i % c % 3) - 2;
    }
    float[] weight = gaussians(random, c);
    float[] bias = new float[c];
    float[] dy = Bf16.round(gaussians(random, x.length));
    for (int k = 0; k < c; k++) {
      double mean = 0;
      double square = 0;
      for (int i = k; i < x.length; i += c) {
        mean += x[i] / rows;
        square += (double) x[i] * x[i] / rows;
      }
      if (k % 4 == 0) {
        weight[k] = 1e-41f;
      } else { // y is 0 but for roundings wherever x is 1 + k % 3
        double inverse = 1 / Math.sqrt(square - mean * mean + 1e-5f);
        bias[k] = (float) (-(1 + k % 3 - mean) * inverse * weight[k]);
      }
    }
    for (boolean rounded : new boolean[] {false, true}) {
      Tensor tx = map(rounded, x, h, c);
      Tensor ty = map(rounded, new float[x.length], h, c);
      Tensor tWeight = tensors.floats(weight);
      Tensor tBias = tensors.floats(bias);
      Tensor mean = tensors.floatOutput(c);
      Tensor invStd = tensors.floatOutput(c);
      Tensor zeros = tensors.floats(new float[c]);
      Tensor ones = tensors.floats(new float[c]);
      backend
          .norms()
          .batchNorm(relu, tx, tWeight, tBias, null, zeros, ones, null, mean, invStd, ty);
      float[] y = tensors.floats(ty);
      float[] masked = dy.clone();
      for (int i = 0; i < y.length; i++) {
        masked[i] = y[i] > 0 ? dy[i] : 0;
      }
      BatchNormSpec none = new BatchNormSpec(1e-5f, 0.1f, Activation.NONE);
      float[][] expected = gradients(none, rounded, masked, tx, tWeight, tBias, mean, invStd, ty);
      float[][] actual = gradients(relu, rounded, dy, tx, tWeight, tBias, mean, invStd, ty);
      for (int i = 0; i < expected.length; i++) {
        assertArrayEquals(expected[i], actual[i], 0f, "gradient " + i + ", bf16 " + rounded);
      }
    }
  }

  private Tensor map(boolean rounded, float[] values, int h, int c) {
    return rounded ? tensors.bfloats(values, 2, h, 31, c) : tensors.floats(values, 2, h, 31, c);
  }

  private float[][] gradients(
      BatchNormSpec spec,
      boolean rounded,
      float[] dy,
      Tensor x,
      Tensor weight,
      Tensor bias,
      Tensor mean,
      Tensor invStd,
      Tensor y) {
    int h = (int) x.dim(1);
    int c = (int) x.dim(3);
    Tensor tDy = map(rounded, dy, h, c);
    Tensor dx = map(rounded, new float[dy.length], h, c);
    Tensor dWeight = tensors.floats(new float[c]);
    Tensor dBias = tensors.floats(new float[c]);
    backend
        .norms()
        .batchNormBackward(
            spec, x, weight, bias, null, mean, invStd, y, tDy, null, dx, dWeight, dBias);
    return new float[][] {tensors.floats(dx), tensors.floats(dWeight), tensors.floats(dBias)};
  }

  /** A standard deviation of a thousandth of the mean, over many values. */
  @ParameterizedTest
  @ValueSource(ints = {1, 4})
  void theVarianceDoesNotCancel(int channels) {
    Random random = new Random(61);
    int rows = 250_000;
    float[] x = gaussians(random, rows * channels);
    for (int i = 0; i < x.length; i++) {
      x[i] = x[i] + 1000;
    }
    float[] expected = new float[channels];
    float[] expectedMean = new float[channels];
    for (int c = 0; c < channels; c++) {
      double mean = 0;
      for (int i = c; i < x.length; i += channels) {
        mean += x[i];
      }
      mean /= rows;
      double variance = 0;
      for (int i = c; i < x.length; i += channels) {
        variance += (x[i] - mean) * (x[i] - mean);
      }
      expected[c] = (float) (1 / Math.sqrt(variance / rows));
      expectedMean[c] = (float) mean;
    }
    Tensor ones = tensors.floats(new float[channels]);
    Tensor mean = tensors.floatOutput(channels);
    Tensor invStd = tensors.floatOutput(channels);
    backend
        .norms()
        .batchNorm(
            new BatchNormSpec(0, 0.1f, Activation.NONE),
            tensors.floats(x, 1, 500, 500, channels),
            ones,
            ones,
            null,
            tensors.floats(new float[channels]),
            tensors.floats(new float[channels]),
            null,
            mean,
            invStd,
            tensors.floatOutput(1, 500, 500, channels));
    assertClose(expected, tensors.floats(invStd), 3e-6, "1 / deviation");
    assertClose(expectedMean, tensors.floats(mean), 1e-4, "mean");
  }

  @Test
  void doesNotDependOnTheThreads() {
    assertArrayEquals(statistics(1), statistics(3), 0f);
  }

  private static float[] statistics(int threads) {
    try (Backend cpu = TestBackends.cpu(threads);
        TestTensors own = new TestTensors(cpu)) {
      float[] x = gaussians(new Random(59), 3 * 41 * 43 * 20);
      Tensor mean = own.floatOutput(20);
      Tensor invStd = own.floatOutput(20);
      Tensor ones = own.floats(new float[20]);
      Tensor input = own.floats(x, 3, 41, 43, 20);
      cpu.norms()
          .batchNorm(
              new BatchNormSpec(1e-5f, 0.1f, Activation.NONE),
              input,
              ones,
              ones,
              null,
              own.floats(new float[20]),
              own.floats(new float[20]),
              null,
              mean,
              invStd,
              own.floatOutput(3, 41, 43, 20));
      return own.floats(invStd);
    }
  }

  private void near(float[] expected, Tensor actual, double relative, String what) {
    double norm = relativeNorm(expected, tensors.floats(actual));
    assertTrue(norm < relative, what + " differs by " + norm + " of its norm");
  }

  private static float[] gaussians(Random random, int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }
}

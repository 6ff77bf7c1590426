package dev.cocoli.backend;

import static dev.cocoli.testing.Differences.assertClose;
import static dev.cocoli.testing.Differences.relativeNorm;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.backend.spec.Activation;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.testing.OracleFile;
import dev.cocoli.testing.TestTensors;
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

/** What fully connected layers owe on every backend. */
@ParameterizedClass
@MethodSource("dev.cocoli.testing.TestBackends#all")
@Tag("contract")
class LinearContractTest {
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
    Tensor x = tensors.floats(oracle.floats("linear.in.x"), 5, 37);
    Tensor weight = tensors.floats(oracle.floats("linear.in.weight"), 11, 37);
    Tensor bias = tensors.floats(oracle.floats("linear.in.bias"));
    Tensor y = tensors.floatOutput(5, 11);
    backend.dense().linear(Activation.NONE, x, weight, bias, y);
    assertClose(oracle.floats("linear.out.y"), tensors.floats(y), 1e-5, "y");

    Tensor dy = tensors.floats(oracle.floats("linear.seed"), 5, 11);
    Tensor dx = tensors.floatOutput(5, 37);
    backend.dense().linearBackwardData(dy, weight, dx);
    assertClose(oracle.floats("linear.grad.x"), tensors.floats(dx), 1e-5, "dx");

    Tensor dWeight = tensors.floats(new float[11 * 37], 11, 37);
    Tensor dBias = tensors.floats(new float[11]);
    backend.dense().linearBackwardWeight(x, dy, dWeight, dBias);
    assertClose(oracle.floats("linear.grad.weight"), tensors.floats(dWeight), 1e-5, "dWeight");
    assertClose(oracle.floats("linear.grad.bias"), tensors.floats(dBias), 1e-5, "dBias");
  }

  @ParameterizedTest
  @CsvSource({"1,1,1", "3,5,7", "17,33,9", "130,64,70", "1,300,2", "500,3,4"})
  void addsToGradientsAndAppliesTheActivation(int rows, int in, int out) {
    long seed = 31;
    Random random = new Random(seed);
    float[] x = gaussians(random, rows * in);
    float[] weight = gaussians(random, out * in);
    float[] bias = gaussians(random, out);
    float[] dy = gaussians(random, rows * out);
    float[] dWeight = gaussians(random, out * in);
    float[] dBias = gaussians(random, out);
    float[] plain = new float[rows * out];
    float[] rectified = new float[rows * out];
    float[] expectedDx = new float[rows * in];
    for (int r = 0; r < rows; r++) {
      for (int o = 0; o < out; o++) {
        double sum = 0;
        for (int i = 0; i < in; i++) {
          sum += (double) x[r * in + i] * weight[o * in + i];
        }
        plain[r * out + o] = (float) sum;
        rectified[r * out + o] = (float) Math.max(0, sum + bias[o]);
      }
      for (int i = 0; i < in; i++) {
        double sum = 0;
        for (int o = 0; o < out; o++) {
          sum += (double) dy[r * out + o] * weight[o * in + i];
        }
        expectedDx[r * in + i] = (float) sum;
      }
    }
    final Tensor tx = tensors.floats(x, rows, in);
    final Tensor tWeight = tensors.floats(weight, out, in);
    final Tensor tDy = tensors.floats(dy, rows, out);
    Tensor y = tensors.floatOutput(rows, out);
    backend.dense().linear(Activation.NONE, tx, tWeight, null, y);
    near(plain, y, "without a bias, seed " + seed);
    backend.dense().linear(Activation.RELU, tx, tWeight, tensors.floats(bias), y);
    near(rectified, y, "with everything, seed " + seed);
    Tensor dx = tensors.floatOutput(rows, in);
    backend.dense().linearBackwardData(tDy, tWeight, dx);
    near(expectedDx, dx, "dx, seed " + seed);

    Tensor tDWeight = tensors.floats(dWeight, out, in);
    Tensor tDBias = tensors.floats(dBias);
    for (int o = 0; o < out; o++) {
      double biasSum = dBias[o];
      for (int r = 0; r < rows; r++) {
        biasSum += dy[r * out + o];
      }
      dBias[o] = (float) biasSum;
      for (int i = 0; i < in; i++) {
        double sum = dWeight[o * in + i];
        for (int r = 0; r < rows; r++) {
          sum += (double) dy[r * out + o] * x[r * in + i];
        }
        dWeight[o * in + i] = (float) sum;
      }
    }
    backend.dense().linearBackwardWeight(tx, tDy, tDWeight, tDBias);
    near(dWeight, tDWeight, "dWeight, seed " + seed);
    near(dBias, tDBias, "dBias, seed " + seed);
    backend.dense().linearBackwardWeight(tx, tDy, tDWeight, null);
    near(dBias, tDBias, "dBias is left alone, seed " + seed);
  }

  @Test
  void takesNoRows() {
    Tensor x = tensors.floats(new float[0], 0, 4);
    Tensor y = tensors.floats(new float[0], 0, 3);
    Tensor weight = tensors.floats(gaussians(new Random(1), 12), 3, 4);
    Tensor dWeight = tensors.floats(new float[] {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, 3, 4);
    Tensor dBias = tensors.floats(new float[] {1, 2, 3});
    backend.dense().linear(Activation.RELU, x, weight, dBias, y);
    backend.dense().linearBackwardData(y, weight, x);
    backend.dense().linearBackwardWeight(x, y, dWeight, dBias);
    assertArrayEquals(new float[] {1, 2, 3}, tensors.floats(dBias));
    assertEquals(12, tensors.floats(dWeight)[11]);
  }

  private void near(float[] expected, Tensor actual, String what) {
    double norm = relativeNorm(expected, tensors.floats(actual));
    assertTrue(norm < 1e-6, what + ": differs by " + norm + " of its norm");
  }

  private static float[] gaussians(Random random, int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }
}

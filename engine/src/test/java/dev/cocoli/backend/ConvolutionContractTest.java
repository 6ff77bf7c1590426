package dev.cocoli.backend;

import static dev.cocoli.testing.Differences.assertClose;
import static dev.cocoli.testing.Differences.relativeNorm;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cocoli.backend.cuda.CudaBackend;
import dev.cocoli.backend.spec.Activation;
import dev.cocoli.backend.spec.Conv2dSpec;
import dev.cocoli.backend.spec.SgdSpec;
import dev.cocoli.tensor.Shape;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.testing.OracleFile;
import dev.cocoli.testing.TestTensors;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What convolution, its tail and its gradients owe on every backend. */
@ParameterizedClass
@MethodSource({"dev.cocoli.testing.TestBackends#all", "dev.cocoli.testing.TestBackends#winograd"})
@Tag("contract")
class ConvolutionContractTest {
  @Parameter Backend backend;
  private TestTensors tensors;
  private ConvolutionReference reference;

  @BeforeEach
  void open() {
    tensors = new TestTensors(backend);
    reference = new ConvolutionReference(tensors);
  }

  @AfterEach
  void close() {
    tensors.close();
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 4, 5})
  void computesWhatTorchDoes(int index) {
    OracleFile oracle = OracleFile.ops();
    String name = "conv2d." + index;
    JsonNode parameters = oracle.parameters(name);
    long[] in = oracle.shape(name + ".in.x");
    long[] kernel = oracle.shape(name + ".in.weight");
    long[] out = oracle.shape(name + ".out.y");
    Conv2dSpec spec =
        new Conv2dSpec(
            (int) kernel[2],
            parameters.get("stride").asInt(),
            parameters.get("padding").asInt(),
            parameters.get("dilation").asInt(),
            Activation.NONE);
    Tensor x = tensors.floats(oracle.channelsLast(name + ".in.x"), in[0], in[2], in[3], in[1]);
    Tensor weight =
        tensors.floats(
            oracle.channelsLast(name + ".in.weight"), kernel[0], kernel[2], kernel[3], kernel[1]);
    Tensor bias = tensors.floats(oracle.floats(name + ".in.bias"));
    Tensor y = tensors.floatOutput(out[0], out[2], out[3], out[1]);
    backend.convolutions().conv2d(spec, x, weight, null, bias, null, y);
    near(oracle.channelsLast(name + ".out.y"), y, 1e-6, name);

    Tensor dy = tensors.floats(oracle.channelsLast(name + ".seed"), y.shape().toArray());
    Tensor dx = tensors.floatOutput(x.shape().toArray());
    backend.convolutions().conv2dBackwardData(spec, dy, weight, null, null, null, null, dx);
    near(oracle.channelsLast(name + ".grad.x"), dx, 1e-6, name + " dx");

    Tensor dWeight = zeros(weight);
    Tensor dBias = zeros(bias);
    backend.convolutions().conv2dBackwardWeight(spec, x, dy, null, dWeight, dBias);
    near(oracle.channelsLast(name + ".grad.weight"), dWeight, 1e-6, name + " dWeight");
    near(oracle.floats(name + ".grad.bias"), dBias, 1e-6, name + " dBias");
  }

  /** Kernel, stride, padding, dilation, images, height, width, input and output channels. */
  @ParameterizedTest
  @CsvSource({
    "1,1,0,1, 2,5,7,16,24",
    "1,2,0,1, 1,6,5,8,16",
    "3,1,1,1, 2,9,6,16,8",
    "3,2,1,1, 1,11,8,8,8",
    "3,1,2,2, 1,8,9,5,7",
    "7,2,3,1, 1,21,18,3,16",
    "3,1,1,1, 1,1,1,4,4",
    "1,1,0,1, 3,1,1,1,1",
    "2,1,0,1, 1,2,2,3,5",
    "5,3,2,1, 1,13,10,2,3",
    "1,1,1,1, 1,3,4,2,3",
    "3,1,1,1, 1,19,23,64,64",
    "3,1,1,1, 3,13,10,19,37",
    "3,1,1,1, 2,1,17,33,1"
  })
  void computesTailAndGradientsAsWritten(
      int k, int s, int p, int d, int n, int h, int w, int i, int o) {
    long seed = 11;
    Random random = new Random(seed);
    Conv2dSpec spec = new Conv2dSpec(k, s, p, d, Activation.NONE);
    int oh = (int) spec.outputExtent(h);
    int ow = (int) spec.outputExtent(w);
    final Tensor x = random(random, n, h, w, i);
    final Tensor weight = random(random, o, k, k, i);
    final Tensor scale = random(random, o);
    final Tensor shift = random(random, o);
    final Tensor residual = random(random, n, oh, ow, o);
    double[] products = reference.forward(spec, x, weight, residual);
    for (Activation activation : Activation.values()) {
      for (int tail = 0; tail < 8; tail++) {
        Tensor theScale = (tail & 1) != 0 ? scale : null;
        Tensor theShift = (tail & 2) != 0 ? shift : null;
        Tensor theResidual = (tail & 4) != 0 ? residual : null;
        Conv2dSpec with = spec.with(activation);
        Tensor y = tensors.floatOutput(n, oh, ow, o);
        backend.convolutions().conv2d(with, x, weight, theScale, theShift, theResidual, y);
        float[] expected = reference.withTail(products, with, theScale, theShift, theResidual, y);
        near(expected, y, 2e-6, "seed " + seed + ", " + activation + ", tail " + tail);
      }
    }
    final Tensor dy = random(random, n, oh, ow, o);
    for (Tensor theScale : new Tensor[] {null, scale}) {
      String what = "seed " + seed + (theScale == null ? "" : ", scaled");
      Tensor dx = tensors.floatOutput(n, h, w, i);
      backend.convolutions().conv2dBackwardData(spec, dy, weight, theScale, null, null, null, dx);
      float[] dxs = reference.backwardData(spec, dy, weight, theScale, dx);
      near(dxs, dx, 2e-6, what + ", dx");
      Tensor addend = random(random, n, h, w, i);
      float[] sums = tensors.floats(addend);
      for (int e = 0; e < sums.length; e++) {
        sums[e] += dxs[e];
      }
      backend.convolutions().conv2dBackwardData(spec, dy, weight, theScale, addend, null, null, dx);
      near(sums, dx, 2e-6, what + ", dx and an addend");
      backend
          .convolutions()
          .conv2dBackwardData(spec, dy, weight, theScale, addend, null, null, addend);
      near(sums, addend, 2e-6, what + ", added in place");
      masksTheGradient(new Random(12), spec, dy, weight, theScale, dxs, dx.shape());
      Tensor dWeight = random(random, o, k, k, i);
      Tensor dShift = random(random, o);
      float[][] expected = reference.backwardWeight(spec, x, dy, theScale, dWeight, dShift);
      backend.convolutions().conv2dBackwardWeight(spec, x, dy, theScale, dWeight, dShift);
      near(expected[0], dWeight, 2e-6, what + ", dWeight");
      near(expected[1], dShift, 2e-6, what + ", dShift");
      float[] before = tensors.floats(dShift);
      backend.convolutions().conv2dBackwardWeight(spec, x, dy, theScale, dWeight, null);
      assertArrayEquals(before, tensors.floats(dShift), what + ", no dShift");
    }
  }

  /** Often enough that a device has chosen between the ways to do it. */
  @ParameterizedTest
  @CsvSource({"1,0, 8,16", "3,1, 16,8", "3,0, 8,8"})
  void masksTheGradientInEveryUse(int kernel, int padding, int in, int out) {
    Random random = new Random(13);
    Conv2dSpec spec = Conv2dSpec.of(kernel, 1, padding);
    Tensor dy = random(random, 2, spec.outputExtent(5), spec.outputExtent(6), out);
    Tensor weight = random(random, out, kernel, kernel, in);
    Tensor scale = random(random, out);
    Shape shape = Shape.of(2, 5, 6, in);
    float[] dxs = reference.backwardData(spec, dy, weight, scale, tensors.floatOutput(2, 5, 6, in));
    for (int use = 0; use < 10; use++) {
      masksTheGradient(random, spec, dy, weight, scale, dxs, shape);
    }
  }

  /** The gradient {@code dxs} of the reference, where a random input of that shape is positive. */
  private void masksTheGradient(
      Random random,
      Conv2dSpec spec,
      Tensor dy,
      Tensor weight,
      Tensor scale,
      float[] dxs,
      Shape shape) {
    Tensor x = random(random, shape.toArray());
    Tensor addend = random(random, shape.toArray());
    float[] inputs = tensors.floats(x);
    float[] sums = tensors.floats(addend);
    float[] plain = dxs.clone();
    for (int e = 0; e < plain.length; e++) {
      sums[e] = inputs[e] > 0 ? sums[e] + plain[e] : 0;
      plain[e] = inputs[e] > 0 ? plain[e] : 0;
    }
    Tensor dx = tensors.floatOutput(shape.toArray());
    backend.convolutions().conv2dBackwardData(spec, dy, weight, scale, null, x, null, dx);
    near(plain, dx, 2e-6, "masked");
    backend.convolutions().conv2dBackwardData(spec, dy, weight, scale, addend, x, null, dx);
    near(sums, dx, 2e-6, "masked with an addend");
    backend.convolutions().conv2dBackwardData(spec, dy, weight, scale, addend, x, null, addend);
    near(sums, addend, 2e-6, "masked and added in place");
  }

  @Test
  void addsTheResidualInPlace() {
    Random random = new Random(5);
    Conv2dSpec spec = Conv2dSpec.of(3, 1, 1).with(Activation.RELU);
    Tensor x = random(random, 2, 6, 7, 8);
    Tensor weight = random(random, 8, 3, 3, 8);
    Tensor shift = random(random, 8);
    Tensor y = random(random, 2, 6, 7, 8);
    double[] products = reference.forward(spec, x, weight, y);
    float[] expected = reference.withTail(products, spec, null, shift, y, y);
    backend.convolutions().conv2d(spec, x, weight, null, shift, y, y);
    near(expected, y, 2e-6, "in place");
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void takesNoImages(int stride) {
    Conv2dSpec spec = Conv2dSpec.of(3, stride, 1);
    Random random = new Random(6);
    Tensor x = tensors.floats(new float[0], 0, 8, 8, 4);
    Tensor weight = random(random, 5, 3, 3, 4);
    Tensor bias = random(random, 5);
    Tensor y = tensors.floatOutput(0, spec.outputExtent(8), spec.outputExtent(8), 5);
    backend.convolutions().conv2d(spec, x, weight, null, bias, null, y);
    backend.convolutions().conv2dBackwardData(spec, y, weight, null, null, null, null, x);
    Tensor dWeight = random(random, 5, 3, 3, 4);
    float[] before = tensors.floats(dWeight);
    float[] biasBefore = tensors.floats(bias);
    backend.convolutions().conv2dBackwardWeight(spec, x, y, null, dWeight, bias);
    assertArrayEquals(before, tensors.floats(dWeight));
    assertArrayEquals(biasBefore, tensors.floats(bias));
  }

  @Test
  void seesWeightsAndScalesThatWereWritten() {
    Conv2dSpec spec = Conv2dSpec.of(1, 1, 0);
    Tensor x = tensors.floats(new float[] {1, 2, 3, 4}, 1, 1, 1, 4);
    Tensor weight = tensors.floats(new float[] {1, 1, 1, 1}, 1, 1, 1, 4);
    Tensor scale = tensors.floats(new float[] {2});
    Tensor y = tensors.floatOutput(1, 1, 1, 1);
    backend.convolutions().conv2d(spec, x, weight, scale, null, null, y);
    assertEquals(20, tensors.floats(y)[0]);
    backend.copies().fill(scale, 3);
    backend.convolutions().conv2d(spec, x, weight, scale, null, null, y);
    assertEquals(30, tensors.floats(y)[0]);
    backend.copies().copy(x, weight);
    backend.convolutions().conv2d(spec, x, weight, scale, null, null, y);
    assertEquals(90, tensors.floats(y)[0]);
    Tensor gradient = tensors.floats(new float[] {1, 0, 0, 0}, 4);
    Tensor velocity = tensors.floats(new float[4], 4);
    backend.updates().sgdUpdate(new SgdSpec(1, 0, 0), weight, gradient, velocity);
    backend.convolutions().conv2d(spec, x, weight, scale, null, null, y);
    assertEquals(87, tensors.floats(y)[0]);
    backend.convolutions().conv2dBackwardData(spec, y, weight, scale, null, null, null, x);
    assertArrayEquals(new float[] {0, 522, 783, 1044}, tensors.floats(x));
  }

  @Test
  void computesTheSameBitsAgain() {
    // cuDNN's fastest engines for gradients are marked as not deterministic
    Assumptions.assumeTrue(
        !(backend instanceof CudaBackend) || Boolean.getBoolean("cocoli.cuda.deterministic"),
        "a GPU computes the same bits again with cocoli.cuda.deterministic only");
    Random random = new Random(8);
    Conv2dSpec spec = Conv2dSpec.of(3, 1, 1);
    Tensor x = random(random, 1, 37, 41, 32);
    Tensor dy = random(random, 1, 37, 41, 48);
    Tensor weight = random(random, 48, 3, 3, 32);
    float[][] first = null;
    for (int run = 0; run < 3; run++) {
      Tensor y = tensors.floatOutput(1, 37, 41, 48);
      Tensor dx = tensors.floatOutput(1, 37, 41, 32);
      Tensor dWeight = zeros(weight);
      Tensor dBias = tensors.floats(new float[48]);
      backend.convolutions().conv2d(spec, x, weight, null, null, null, y);
      backend.convolutions().conv2dBackwardData(spec, dy, weight, null, null, null, null, dx);
      backend.convolutions().conv2dBackwardWeight(spec, x, dy, null, dWeight, dBias);
      float[][] now = {
        tensors.floats(y), tensors.floats(dx), tensors.floats(dWeight), tensors.floats(dBias)
      };
      if (first == null) {
        first = now;
      }
      for (int i = 0; i < now.length; i++) {
        assertArrayEquals(first[i], now[i], 0f, "run " + run + ", result " + i);
      }
    }
  }

  /** Every operation is linear in each operand: a step of one half gives the slope exactly. */
  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void gradientsAreTheSlopesOfForward(int stride) {
    long seed = 21;
    Random random = new Random(seed);
    Conv2dSpec spec = Conv2dSpec.of(3, stride, 1);
    Tensor x = random(random, 2, 7, 6, 5);
    Tensor weight = random(random, 6, 3, 3, 5);
    Tensor scale = random(random, 6);
    Tensor dy = random(random, 2, spec.outputExtent(7), spec.outputExtent(6), 6);
    final Tensor dx = tensors.floatOutput(2, 7, 6, 5);
    final Tensor dWeight = zeros(weight);
    backend.convolutions().conv2dBackwardData(spec, dy, weight, scale, null, null, null, dx);
    backend.convolutions().conv2dBackwardWeight(spec, x, dy, scale, dWeight, null);
    float[] inputs = tensors.floats(x);
    float[] weights = tensors.floats(weight);
    for (int e = 0; e < inputs.length; e += 13) {
      double slope =
          objective(spec, moved(inputs, e, 0.5f, x), weight, scale, dy)
              - objective(spec, moved(inputs, e, -0.5f, x), weight, scale, dy);
      assertEquals(slope, tensors.floats(dx)[e], 1e-4, "seed " + seed + ", input " + e);
    }
    for (int e = 0; e < weights.length; e += 17) {
      double slope =
          objective(spec, x, moved(weights, e, 0.5f, weight), scale, dy)
              - objective(spec, x, moved(weights, e, -0.5f, weight), scale, dy);
      assertEquals(slope, tensors.floats(dWeight)[e], 1e-4, "seed " + seed + ", weight " + e);
    }
  }

  private Tensor moved(float[] values, int element, float step, Tensor like) {
    float[] other = values.clone();
    other[element] += step;
    return tensors.floats(other, like.shape().toArray());
  }

  private double objective(Conv2dSpec spec, Tensor x, Tensor weight, Tensor scale, Tensor dy) {
    Tensor y = tensors.floatOutput(dy.shape().toArray());
    backend.convolutions().conv2d(spec, x, weight, scale, null, null, y);
    float[] values = tensors.floats(y);
    float[] seeds = tensors.floats(dy);
    double sum = 0;
    for (int i = 0; i < values.length; i++) {
      sum += (double) values[i] * seeds[i];
    }
    return sum;
  }

  private void near(float[] expected, Tensor actual, double relative, String what) {
    float[] values = tensors.floats(actual);
    double norm = relativeNorm(expected, values);
    assertTrue(norm < relative, what + ": differs by " + norm + " of its norm");
    double largest = 0;
    for (float value : expected) {
      largest = Math.max(largest, Math.abs(value));
    }
    assertClose(expected, values, 10 * relative * Math.max(1, largest), what);
  }

  private Tensor zeros(Tensor like) {
    return tensors.floats(new float[(int) like.elementCount()], like.shape().toArray());
  }

  private Tensor random(Random random, long... dims) {
    int count = (int) Arrays.stream(dims).reduce(1, (a, b) -> a * b);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return tensors.floats(values, dims);
  }
}

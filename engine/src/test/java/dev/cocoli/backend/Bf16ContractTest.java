package dev.cocoli.backend;

import static dev.cocoli.testing.Differences.relativeNorm;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.backend.spec.Activation;
import dev.cocoli.backend.spec.BatchNormSpec;
import dev.cocoli.backend.spec.Conv2dSpec;
import dev.cocoli.backend.spec.Pool2dSpec;
import dev.cocoli.backend.spec.RoiAlignSpec;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Device;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.testing.BackendContract;
import dev.cocoli.testing.Bf16;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What primitives owe in BF16: on the same rounded inputs the result of F32, rounded once. That of
 * F32 is held against torch elsewhere.
 */
@MethodSource("dev.cocoli.testing.TestBackends#deterministic")
class Bf16ContractTest extends BackendContract {
  /**
   * Half the distance of neighbours, relative to the smaller, and room for sums in another order.
   */
  private static final double ROUNDING = 1.01 / 256;

  private static final long SEED = 91;
  private final Random random = new Random(SEED);

  @BeforeEach
  void skipWithoutBf16() {
    Bf16.assume(backend);
  }

  /** The same numbers twice. */
  private record Pair(Tensor f32, Tensor bf16) {}

  private Pair pair(long... dims) {
    return pair(values(random, count(dims)), dims);
  }

  private Pair pair(float[] values, long... dims) {
    float[] rounded = Bf16.round(values);
    return new Pair(tensors.floats(rounded, dims), tensors.bfloats(rounded, dims));
  }

  private Pair output(long... dims) {
    float[] unwritten = new float[count(dims)];
    java.util.Arrays.fill(unwritten, Float.NaN);
    return new Pair(tensors.floats(unwritten, dims), tensors.bfloats(unwritten, dims));
  }

  private Tensor zeros(long... dims) {
    return tensors.floats(new float[count(dims)], dims);
  }

  private static int count(long... dims) {
    long count = 1;
    for (long dim : dims) {
      count *= dim;
    }
    return Math.toIntExact(count);
  }

  /** Holds a result against F32's, rounded. */
  private void assertRounded(Pair results, String what) {
    assertRounded(results.f32, results.bf16, what);
  }

  private void assertRounded(Tensor exact, Tensor rounded, String what) {
    assertEquals(DType.BF16, rounded.dtype());
    assertNear(exact, rounded, what);
  }

  /** Holds a result against F32's; it may have been rounded to bf16. */
  private void assertNear(Tensor exact, Tensor rounded, String what) {
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

  private void assertSame(Tensor expected, Tensor actual, String what) {
    assertEquals(DType.F32, actual.dtype());
    double difference = relativeNorm(tensors.floats(expected), tensors.floats(actual));
    assertTrue(difference < 2e-6, what + " is off by " + difference + ", seed " + SEED);
  }

  @Test
  void castRoundsAsTorchDoes() {
    float[] exact = {
      1,
      1.00390625f,
      1.01171875f,
      1.0078124f,
      -1.00390625f,
      3.3895314e38f,
      3.4e38f,
      0.1f,
      -0f,
      Float.POSITIVE_INFINITY,
      Float.NEGATIVE_INFINITY,
      Float.NaN,
      123456.789f,
      1.17549435e-38f
    };
    // torch.tensor(exact).bfloat16().float()
    float[] torch = {
      1,
      1,
      1.015625f,
      1.0078125f,
      -1,
      3.3895314e38f,
      Float.POSITIVE_INFINITY,
      0.10009765625f,
      -0f,
      Float.POSITIVE_INFINITY,
      Float.NEGATIVE_INFINITY,
      Float.NaN,
      123392,
      1.17549435e-38f
    };
    assertArrayEquals(torch, Bf16.round(exact));
    Tensor rounded = tensors.bfloats(new float[exact.length]);
    backend.copies().cast(tensors.floats(exact), rounded);
    assertArrayEquals(torch, tensors.floats(rounded));
    Tensor back = tensors.floatOutput(exact.length);
    backend.copies().cast(rounded, back);
    assertArrayEquals(torch, tensors.floats(back));
    // the loops round by themselves
    Tensor sum = tensors.bfloats(new float[exact.length]);
    backend.elementwise().add(rounded, tensors.bfloats(new float[exact.length]), sum);
    float[] plusZero = torch.clone();
    plusZero[8] = 0;
    assertArrayEquals(plusZero, tensors.floats(sum));
  }

  @ParameterizedTest
  @CsvSource({"0", "1", "7", "2049", "100001"})
  void castsAnyNumber(int count) {
    float[] values = values(random, count);
    Tensor rounded = tensors.bfloats(new float[count], count);
    backend.copies().cast(tensors.floats(values, count), rounded);
    assertArrayEquals(Bf16.round(values), tensors.floats(rounded));
  }

  /** Kernel, stride, padding, images, height, width, input and output channels. */
  @ParameterizedTest
  @CsvSource({
    "1,1,0, 2,5,7,16,24",
    "1,2,0, 1,6,5,8,16",
    "3,1,1, 2,9,6,16,8",
    "3,2,1, 1,11,8,8,9",
    "7,2,3, 1,21,18,3,16",
    "3,1,1, 1,1,1,5,3",
    "3,1,1, 1,19,23,64,64",
    "1,1,0, 0,3,3,4,4"
  })
  void convolves(int k, int s, int p, int n, int h, int w, int in, int out) {
    Conv2dSpec spec = Conv2dSpec.of(k, s, p);
    long oh = spec.outputExtent(h);
    long ow = spec.outputExtent(w);
    final Pair x = pair(n, h, w, in);
    final Pair weight = pair(out, k, k, in);
    final Pair residual = pair(n, oh, ow, out);
    // of bf16, so that it is exact where it is rounded first
    final Tensor shift = rounded(out);
    float[] powers = new float[out];
    for (int i = 0; i < out; i++) {
      powers[i] = Math.scalb(1f, i % 5 - 2); // so that scaled weights are exact
    }
    final Tensor scale = tensors.floats(powers);
    for (Activation activation : Activation.values()) {
      for (int tail = 0; tail < 8; tail++) {
        Tensor factor = (tail & 1) != 0 ? scale : null;
        Tensor addend = (tail & 2) != 0 ? shift : null;
        Conv2dSpec with = spec.with(activation);
        Pair y = output(n, oh, ow, out);
        Tensor wide = tensors.floatOutput(n, oh, ow, out);
        boolean add = (tail & 4) != 0;
        backend
            .convolutions()
            .conv2d(with, x.f32, weight.f32, factor, addend, add ? residual.f32 : null, y.f32);
        backend
            .convolutions()
            .conv2d(with, x.bf16, weight.f32, factor, addend, add ? residual.bf16 : null, y.bf16);
        assertRounded(y, activation + ", tail " + tail);
        if (!add) {
          backend.convolutions().conv2d(with, x.bf16, weight.f32, factor, addend, null, wide);
          assertSame(y.f32, wide, activation + ", tail " + tail + ", F32 result");
        }
      }
    }
    final Pair dy = pair(n, oh, ow, out);
    for (Tensor factor : new Tensor[] {null, scale}) {
      Pair dx = output(n, h, w, in);
      backend.convolutions().conv2dBackwardData(spec, dy.f32, weight.f32, factor, null, dx.f32);
      backend.convolutions().conv2dBackwardData(spec, dy.bf16, weight.f32, factor, null, dx.bf16);
      assertRounded(dx, "dx");
      Pair sum = pair(n, h, w, in);
      float[] exact = tensors.floats(sum.f32);
      float[] product = tensors.floats(dx.f32);
      backend
          .convolutions()
          .conv2dBackwardData(spec, dy.bf16, weight.f32, factor, sum.bf16, sum.bf16);
      float[] actual = tensors.floats(sum.bf16);
      for (int i = 0; i < exact.length; i++) {
        exact[i] += product[i];
        // the product may be rounded before it is added
        double allowed = ROUNDING * (Math.abs(exact[i]) + Math.abs(product[i])) + 1e-5;
        assertEquals(exact[i], actual[i], allowed, "added to an addend, element " + i);
      }
      Tensor[] dWeights = {zeros(out, k, k, in), zeros(out, k, k, in)};
      Tensor[] dShifts = {zeros(out), zeros(out)};
      for (int twice = 0; twice < 2; twice++) {
        backend
            .convolutions()
            .conv2dBackwardWeight(spec, x.f32, dy.f32, factor, dWeights[0], dShifts[0]);
        backend
            .convolutions()
            .conv2dBackwardWeight(spec, x.bf16, dy.bf16, factor, dWeights[1], dShifts[1]);
      }
      if (backend.device().kind() == Device.Kind.CUDA) {
        assertNear(dWeights[0], dWeights[1], "dWeight, added to twice");
      } else {
        assertSame(dWeights[0], dWeights[1], "dWeight, added to twice");
      }
      assertSame(dShifts[0], dShifts[1], "dShift, added to twice");
    }
  }

  private Tensor rounded(int count) {
    return tensors.floats(Bf16.round(values(random, count)), count);
  }

  @ParameterizedTest
  @CsvSource({"5,7,3", "1,1,1", "64,130,91", "0,4,4", "33,64,256"})
  void multipliesMatrices(int rows, int in, int out) {
    final Pair x = pair(rows, in);
    final Pair weight = pair(out, in);
    final Tensor bias = rounded(out);
    for (Activation activation : Activation.values()) {
      for (Tensor addend : new Tensor[] {null, bias}) {
        Pair y = output(rows, out);
        Tensor wide = tensors.floatOutput(rows, out);
        backend.dense().linear(activation, x.f32, weight.f32, addend, y.f32);
        backend.dense().linear(activation, x.bf16, weight.f32, addend, y.bf16);
        backend.dense().linear(activation, x.bf16, weight.f32, addend, wide);
        String what = activation + " linear" + (addend == null ? "" : " with a bias");
        assertRounded(y, what);
        assertSame(y.f32, wide, what + ", F32 result");
      }
    }
    final Pair dy = pair(rows, out);
    Pair dx = output(rows, in);
    backend.dense().linearBackwardData(dy.f32, weight.f32, dx.f32);
    backend.dense().linearBackwardData(dy.bf16, weight.f32, dx.bf16);
    assertRounded(dx, "dx");
    Tensor[] dWeights = {zeros(out, in), zeros(out, in)};
    Tensor[] dBiases = {zeros(out), zeros(out)};
    for (int twice = 0; twice < 2; twice++) {
      backend.dense().linearBackwardWeight(x.f32, dy.f32, dWeights[0], dBiases[0]);
      backend.dense().linearBackwardWeight(x.bf16, dy.bf16, dWeights[1], dBiases[1]);
    }
    assertSame(dWeights[0], dWeights[1], "dWeight, added to twice");
    assertSame(dBiases[0], dBiases[1], "dBias, added to twice");
  }

  @Test
  void seesWeightsThatWereWritten() {
    Tensor x = tensors.bfloats(new float[] {1, 2, 3, 4}, 1, 4);
    Tensor weight = tensors.floats(new float[] {1, 1, 1, 1}, 1, 4);
    Tensor y = tensors.floatOutput(1, 1);
    backend.dense().linear(Activation.NONE, x, weight, null, y);
    assertEquals(10, tensors.floats(y)[0]);
    backend.copies().fill(weight, 2);
    backend.dense().linear(Activation.NONE, x, weight, null, y);
    assertEquals(20, tensors.floats(y)[0]);
  }

  @ParameterizedTest
  @CsvSource({"3,2,1, 2,9,11,8", "1,2,0, 1,5,6,3", "3,2,1, 0,4,4,2"})
  void pools(int k, int s, int p, int n, int h, int w, int c) {
    Pool2dSpec spec = new Pool2dSpec(k, s, p);
    long oh = spec.outputExtent(h);
    long ow = spec.outputExtent(w);
    final Pair x = pair(n, h, w, c);
    Pair y = output(n, oh, ow, c);
    Tensor[] argmax = new Tensor[2];
    for (int i = 0; i < 2; i++) {
      argmax[i] = tensors.bytes(new byte[count(n, oh, ow, c)], n, oh, ow, c);
    }
    backend.pooling().maxPool2d(spec, x.f32, y.f32, null);
    backend.pooling().maxPool2d(spec, x.bf16, y.bf16, null);
    assertArrayEquals(tensors.floats(y.f32), tensors.floats(y.bf16));
    backend.pooling().maxPool2d(spec, x.f32, y.f32, argmax[0]);
    backend.pooling().maxPool2d(spec, x.bf16, y.bf16, argmax[1]);
    assertArrayEquals(tensors.floats(y.f32), tensors.floats(y.bf16));
    final Pair dy = pair(n, oh, ow, c);
    Pair dx = output(n, h, w, c);
    backend.pooling().maxPool2dBackward(spec, dy.f32, argmax[0], dx.f32);
    backend.pooling().maxPool2dBackward(spec, dy.bf16, argmax[1], dx.bf16);
    assertRounded(dx, "dx");
  }

  /** Widths at which joined rows are full and not, and of which some end between two elements. */
  @ParameterizedTest
  @CsvSource({"2,5,7,8", "1,37,41,3", "1,3,5,1", "3,16,16,64", "1,2,3,2048", "1,40,33,65"})
  void normalises(int n, int h, int w, int c) {
    final Pair x = pair(n, h, w, c);
    final Pair residual = pair(n, h, w, c);
    final Tensor weight = gaussians(random, c);
    final Tensor bias = gaussians(random, c);
    for (Activation activation : Activation.values()) {
      for (boolean add : new boolean[] {false, true}) {
        BatchNormSpec spec = new BatchNormSpec(1e-5f, 0.1f, activation);
        Pair y = output(n, h, w, c);
        Tensor[][] statistics = new Tensor[2][];
        for (int i = 0; i < 2; i++) {
          statistics[i] =
              new Tensor[] {zeros(c), zeros(c), tensors.floatOutput(c), tensors.floatOutput(c)};
        }
        normalise(spec, x.f32, weight, bias, add ? residual.f32 : null, statistics[0], y.f32);
        normalise(spec, x.bf16, weight, bias, add ? residual.bf16 : null, statistics[1], y.bf16);
        assertRounded(y, "y");
        for (int i = 0; i < statistics[0].length; i++) {
          assertSame(statistics[0][i], statistics[1][i], "statistic " + i);
        }
        // the mask comes from the output, which rounding leaves positive or not
        final Pair dy = pair(n, h, w, c);
        Pair dx = output(n, h, w, c);
        Tensor[] dWeights = {zeros(c), zeros(c)};
        Tensor[] dBiases = {zeros(c), zeros(c)};
        backward(
            spec,
            x.f32,
            weight,
            bias,
            add ? residual.f32 : null,
            statistics[0],
            y.f32,
            dy.f32,
            dx.f32,
            dWeights[0],
            dBiases[0]);
        backward(
            spec,
            x.bf16,
            weight,
            bias,
            add ? residual.bf16 : null,
            statistics[1],
            y.bf16,
            dy.bf16,
            dx.bf16,
            dWeights[1],
            dBiases[1]);
        assertRounded(dx, "dx");
        if (add) {
          assertRounded(dy, "gradient of the residual");
        }
        assertSame(dWeights[0], dWeights[1], "dWeight");
        assertSame(dBiases[0], dBiases[1], "dBias");
      }
    }
  }

  private void normalise(
      BatchNormSpec spec,
      Tensor x,
      Tensor weight,
      Tensor bias,
      Tensor residual,
      Tensor[] statistics,
      Tensor y) {
    backend
        .norms()
        .batchNorm(
            spec,
            x,
            weight,
            bias,
            residual,
            statistics[0],
            statistics[1],
            statistics[2],
            statistics[3],
            y);
  }

  private void backward(
      BatchNormSpec spec,
      Tensor x,
      Tensor weight,
      Tensor bias,
      Tensor residual,
      Tensor[] statistics,
      Tensor y,
      Tensor dy,
      Tensor dx,
      Tensor dWeight,
      Tensor dBias) {
    backend
        .norms()
        .batchNormBackward(
            spec,
            x,
            weight,
            bias,
            residual,
            statistics[2],
            statistics[3],
            y,
            dy,
            dx,
            dWeight,
            dBias);
  }

  @ParameterizedTest
  @CsvSource({"0", "1", "3", "4097", "70000"})
  void addsAndMasks(int count) {
    final Pair a = pair(count);
    final Pair b = pair(count);
    Pair sum = output(count);
    backend.elementwise().add(a.f32, b.f32, sum.f32);
    backend.elementwise().add(a.bf16, b.bf16, sum.bf16);
    assertRounded(sum, "a + b");
    backend.elementwise().add(a.bf16, b.bf16, a.bf16);
    assertArrayEquals(tensors.floats(sum.bf16), tensors.floats(a.bf16), "in place");
    backend.elementwise().reluBackward(sum.f32, b.f32);
    backend.elementwise().reluBackward(sum.bf16, b.bf16);
    assertArrayEquals(tensors.floats(b.f32), tensors.floats(b.bf16));
  }

  @ParameterizedTest
  @CsvSource({"2,3,4,6,8,16", "1,5,7,9,13,3", "1,1,1,2,2,1"})
  void upsamples(int n, int h, int w, int oh, int ow, int c) {
    final Pair x = pair(n, h, w, c);
    final Pair addend = pair(n, oh, ow, c);
    Pair y = output(n, oh, ow, c);
    backend.upsampling().upsampleNearest(x.f32, addend.f32, y.f32);
    backend.upsampling().upsampleNearest(x.bf16, addend.bf16, y.bf16);
    assertRounded(y, "upsampled and added");
    backend.upsampling().upsampleNearest(x.f32, null, y.f32);
    backend.upsampling().upsampleNearest(x.bf16, null, y.bf16);
    assertArrayEquals(tensors.floats(y.f32), tensors.floats(y.bf16));
    Pair dx = output(n, h, w, c);
    backend.upsampling().upsampleNearestBackward(addend.f32, dx.f32);
    backend.upsampling().upsampleNearestBackward(addend.bf16, dx.bf16);
    assertRounded(dx, "dx");
  }

  @ParameterizedTest
  @CsvSource({"256", "5", "1"})
  void poolsRegions(int channels) {
    RoiAlignSpec spec = new RoiAlignSpec(7, 2, false, new float[] {0.25f, 0.125f}, 32, 1);
    List<Pair> maps = new ArrayList<>();
    maps.add(pair(2, 16, 20, channels));
    maps.add(pair(2, 8, 10, channels));
    float[] boxes = boxes(random, 30, 80, 64);
    float[] rois = new float[31 * 5];
    rois[0] = -1; // pads
    for (int i = 1; i <= 30; i++) {
      rois[5 * i] = i % 2;
      System.arraycopy(boxes, 4 * (i - 1), rois, 5 * i + 1, 4);
    }
    Tensor regions = tensors.floats(rois, 31, 5);
    Pair y = output(31, 7, 7, channels);
    backend.regions().roiAlign(spec, maps.stream().map(Pair::f32).toList(), regions, y.f32);
    backend.regions().roiAlign(spec, maps.stream().map(Pair::bf16).toList(), regions, y.bf16);
    assertRounded(y, "pooled");
    final Pair dy = pair(31, 7, 7, channels);
    List<Pair> gradients = List.of(output(2, 16, 20, channels), output(2, 8, 10, channels));
    backend
        .regions()
        .roiAlignBackward(spec, dy.f32, regions, gradients.stream().map(Pair::f32).toList());
    backend
        .regions()
        .roiAlignBackward(spec, dy.bf16, regions, gradients.stream().map(Pair::bf16).toList());
    for (Pair gradient : gradients) {
      assertRounded(gradient, "gradient of a map");
    }
  }

  @Test
  void joinsColumns() {
    Pair x = pair(3, 5);
    Pair y = output(3, 7);
    backend.copies().copyColumns(x.bf16, 1, y.bf16, 4, 3);
    float[] from = tensors.floats(x.f32);
    float[] to = tensors.floats(y.bf16);
    for (int row = 0; row < 3; row++) {
      for (int column = 0; column < 3; column++) {
        assertEquals(from[5 * row + 1 + column], to[7 * row + 4 + column]);
      }
    }
  }

  @Test
  void computesTheSameBitsAgain() {
    Conv2dSpec spec = Conv2dSpec.of(3, 1, 1);
    Pair x = pair(1, 37, 41, 32);
    Pair dy = pair(1, 37, 41, 48);
    Pair weight = pair(48, 3, 3, 32);
    float[][] first = null;
    for (int run = 0; run < 3; run++) {
      Tensor y = output(1, 37, 41, 48).bf16;
      Tensor dx = output(1, 37, 41, 32).bf16;
      Tensor dWeight = zeros(48, 3, 3, 32);
      backend.convolutions().conv2d(spec, x.bf16, weight.f32, null, null, null, y);
      backend.convolutions().conv2dBackwardData(spec, dy.bf16, weight.f32, null, null, dx);
      backend.convolutions().conv2dBackwardWeight(spec, x.bf16, dy.bf16, null, dWeight, null);
      float[][] now = {tensors.floats(y), tensors.floats(dx), tensors.floats(dWeight)};
      if (first == null) {
        first = now;
      }
      for (int i = 0; i < now.length; i++) {
        assertArrayEquals(first[i], now[i], "result " + i + " of run " + run);
      }
    }
  }

  @Test
  void givesAllMemoryBack() {
    long used = backend.pool().usedBytes();
    poolsRegions(8);
    convolves(3, 1, 1, 1, 6, 6, 8, 8);
    multipliesMatrices(4, 8, 8);
    assertEquals(used, backend.pool().usedBytes());
  }
}

package dev.cocoli.backend;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.cocoli.backend.primitives.GradientSums;
import dev.cocoli.backend.spec.Activation;
import dev.cocoli.backend.spec.Conv2dSpec;
import dev.cocoli.tensor.Device;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.testing.Bf16;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What convolutions and matmuls owe in BF16. */
class Bf16DenseContractTest extends Bf16Contract {
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
            .conv2d(
                with, x.f32(), weight.f32(), factor, addend, add ? residual.f32() : null, y.f32());
        backend
            .convolutions()
            .conv2d(
                with,
                x.bf16(),
                weight.f32(),
                factor,
                addend,
                add ? residual.bf16() : null,
                y.bf16());
        assertRounded(y, activation + ", tail " + tail);
        if (!add) {
          backend.convolutions().conv2d(with, x.bf16(), weight.f32(), factor, addend, null, wide);
          assertSame(y.f32(), wide, activation + ", tail " + tail + ", F32 result");
        }
      }
    }
    final Pair dy = pair(n, oh, ow, out);
    for (Tensor factor : new Tensor[] {null, scale}) {
      Pair dx = output(n, h, w, in);
      backend
          .convolutions()
          .conv2dBackwardData(spec, dy.f32(), weight.f32(), factor, null, null, null, dx.f32());
      backend
          .convolutions()
          .conv2dBackwardData(spec, dy.bf16(), weight.f32(), factor, null, null, null, dx.bf16());
      assertRounded(dx, "dx");
      Pair sum = pair(n, h, w, in);
      float[] exact = tensors.floats(sum.f32());
      float[] product = tensors.floats(dx.f32());
      backend
          .convolutions()
          .conv2dBackwardData(
              spec, dy.bf16(), weight.f32(), factor, sum.bf16(), null, null, sum.bf16());
      float[] actual = tensors.floats(sum.bf16());
      for (int i = 0; i < exact.length; i++) {
        exact[i] += product[i];
        // the product may be rounded before it is added
        double allowed = ROUNDING * (Math.abs(exact[i]) + Math.abs(product[i])) + 1e-5;
        assertEquals(exact[i], actual[i], allowed, "added to an addend, element " + i);
      }
      masks(spec, dy.bf16(), weight.f32(), factor, dx.f32());
      sums(spec, dy.bf16(), weight.f32(), factor, dx.f32());
      Tensor[] dWeights = {zeros(out, k, k, in), zeros(out, k, k, in)};
      Tensor[] dShifts = {zeros(out), zeros(out)};
      for (int twice = 0; twice < 2; twice++) {
        backend
            .convolutions()
            .conv2dBackwardWeight(spec, x.f32(), dy.f32(), factor, dWeights[0], dShifts[0]);
        backend
            .convolutions()
            .conv2dBackwardWeight(spec, x.bf16(), dy.bf16(), factor, dWeights[1], dShifts[1]);
      }
      if (backend.device().kind() == Device.Kind.CUDA) {
        assertNear(dWeights[0], dWeights[1], "dWeight, added to twice");
      } else {
        assertSame(dWeights[0], dWeights[1], "dWeight, added to twice");
      }
      assertSame(dShifts[0], dShifts[1], "dShift, added to twice");
    }
  }

  /** Often enough, where it is quick, that a device has chosen between the ways to do it. */
  private void masks(Conv2dSpec spec, Tensor dy, Tensor weight, Tensor factor, Tensor product) {
    float[] products = tensors.floats(product);
    int uses = products.length < 2000 ? 10 : 1;
    for (int use = 1; use <= uses; use++) {
      long[] dims = product.shape().toArray();
      Pair x = pair(dims);
      Pair addend = pair(dims);
      float[] inputs = tensors.floats(x.f32());
      float[] addends = tensors.floats(addend.f32());
      for (Tensor added : new Tensor[] {null, addend.bf16()}) {
        Tensor dx = output(dims).bf16();
        backend
            .convolutions()
            .conv2dBackwardData(spec, dy, weight, factor, added, x.bf16(), null, dx);
        float[] actual = tensors.floats(dx);
        for (int i = 0; i < actual.length; i++) {
          double sum = added == null ? products[i] : (double) products[i] + addends[i];
          // the product may be rounded before it is added
          double allowed = ROUNDING * (Math.abs(sum) + Math.abs(products[i])) + 1e-5;
          boolean passes = inputs[i] > 0;
          assertEquals(
              passes ? sum : 0, actual[i], passes ? allowed : 0, "masked, use " + use + ", " + i);
        }
      }
    }
  }

  /**
   * Sums are those of the gradient that is left, for a norm with a residual, for one without, and
   * for a bias; or they are not written, and nothing is masked that need not be.
   */
  private void sums(Conv2dSpec spec, Tensor dy, Tensor weight, Tensor factor, Tensor product) {
    if (product.elementCount() == 0) {
      return;
    }
    float[] products = tensors.floats(product);
    int uses = products.length < 2000 ? 10 : 1;
    long[] dims = product.shape().toArray();
    int channels = (int) dims[3];
    for (int use = 1; use <= uses; use++) {
      Pair x = pair(dims);
      Pair read = pair(dims);
      Tensor addend = pair(dims).bf16();
      float[][] ofChannels = new float[4][];
      Tensor[] params = new Tensor[4];
      for (int i = 0; i < params.length; i++) {
        ofChannels[i] = values(random, channels);
        params[i] = tensors.floats(ofChannels[i], channels);
      }
      GradientSums.Norm norm =
          new GradientSums.Norm(read.bf16(), params[0], params[1], params[2], params[3]);
      float[] ofNorm = tensors.floats(read.f32());
      for (int i = 0; i < ofNorm.length; i++) {
        int c = i % channels;
        double deviation = (double) (ofNorm[i] - ofChannels[2][c]) * ofChannels[3][c];
        ofNorm[i] = (float) (deviation * ofChannels[0][c] + ofChannels[1][c]);
      }
      for (int kind = 0; kind < 3; kind++) {
        Tensor sums = zeros(kind == 2 ? 1 : 2, channels);
        GradientSums wanted =
            kind == 2 ? GradientSums.ofBias(sums) : new GradientSums(norm, kind == 1, sums);
        Tensor activated = kind == 0 ? x.bf16() : null;
        Tensor added = use % 2 == 0 ? addend : null;
        Tensor dx = output(dims).bf16();
        boolean summed =
            backend
                .convolutions()
                .conv2dBackwardData(spec, dy, weight, factor, added, activated, wanted, dx);
        String what = "sums " + kind + ", use " + use;
        float[] outputs = kind == 0 ? tensors.floats(x.f32()) : ofNorm;
        boolean masked = kind == 0 || kind == 1 && summed;
        float[] addends = tensors.floats(addend);
        float[] actual = tensors.floats(dx);
        for (int i = 0; i < actual.length; i++) {
          double sum = added == null ? products[i] : (double) products[i] + addends[i];
          double allowed = ROUNDING * (Math.abs(sum) + Math.abs(products[i])) + 1e-5;
          // an output that is next to 0 may be taken for positive
          if (masked && kind == 1 && Math.abs(outputs[i]) < 1e-4) {
            continue;
          }
          boolean passes = !masked || outputs[i] > 0;
          assertEquals(passes ? sum : 0, actual[i], passes ? allowed : 0, what + ", " + i);
        }
        if (summed) {
          assertSums(actual, tensors.floats(read.f32()), ofChannels[2], sums, what);
        }
      }
    }
  }

  /** The output is that of a plain convolution, and the moments are those of the output. */
  @ParameterizedTest
  @CsvSource({"1,1,0,2,6,5,16,32", "3,1,1,1,9,7,8,16", "3,2,1,2,10,11,8,24", "7,2,3,1,20,18,3,8"})
  void sumsForANormInPassing(int k, int s, int p, int n, int h, int w, int in, int out) {
    Conv2dSpec spec = Conv2dSpec.of(k, s, p);
    long[] dims = {n, spec.outputExtent(h), spec.outputExtent(w), out};
    Pair weight = pair(out, k, k, in);
    for (int use = 1; use <= 10; use++) {
      Pair x = pair(n, h, w, in);
      float[] centre = values(random, out);
      Tensor sums = zeros(2, out);
      Pair y = output(dims);
      backend.convolutions().conv2d(spec, x.bf16(), weight.f32(), null, null, null, y.f32());
      boolean summed =
          backend
              .convolutions()
              .conv2dMoments(spec, x.bf16(), weight.f32(), tensors.floats(centre), sums, y.bf16());
      assertRounded(y, "use " + use);
      if (!summed) {
        continue;
      }
      float[] values = tensors.floats(y.f32());
      float[] actual = tensors.floats(sums);
      for (int c = 0; c < out; c++) {
        double[] expected = new double[2];
        double magnitude = 0;
        for (int i = c; i < values.length; i += out) {
          double difference = values[i] - centre[c];
          expected[0] += difference;
          expected[1] += difference * difference;
          magnitude += Math.abs(values[i]);
        }
        String what = " of channel " + c + ", use " + use;
        assertEquals(expected[0], actual[c], ROUNDING * magnitude + 1e-4, "sum" + what);
        assertEquals(
            expected[1],
            actual[out + c],
            4 * ROUNDING * (expected[1] + magnitude) + 1e-4,
            "squares" + what);
      }
    }
  }

  /** What is summed may be the gradient before or after it is rounded. */
  private void assertSums(float[] dx, float[] read, float[] centre, Tensor sums, String what) {
    float[] actual = tensors.floats(sums);
    int channels = centre.length;
    for (int c = 0; c < channels; c++) {
      double[] expected = new double[2];
      double[] magnitude = new double[2];
      for (int i = c; i < dx.length; i += channels) {
        double product = dx[i] * ((double) read[i] - centre[c]);
        expected[0] += dx[i];
        expected[1] += product;
        magnitude[0] += Math.abs(dx[i]);
        magnitude[1] += Math.abs(product);
      }
      for (int k = 0; k < actual.length / channels; k++) {
        assertEquals(
            expected[k],
            actual[k * channels + c],
            ROUNDING * magnitude[k] + 1e-5,
            what + ", sum " + k + " of channel " + c);
      }
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
        backend.dense().linear(activation, x.f32(), weight.f32(), addend, y.f32());
        backend.dense().linear(activation, x.bf16(), weight.f32(), addend, y.bf16());
        backend.dense().linear(activation, x.bf16(), weight.f32(), addend, wide);
        String what = activation + " linear" + (addend == null ? "" : " with a bias");
        assertRounded(y, what);
        assertSame(y.f32(), wide, what + ", F32 result");
      }
    }
    final Pair dy = pair(rows, out);
    Pair dx = output(rows, in);
    backend.dense().linearBackwardData(dy.f32(), weight.f32(), dx.f32());
    backend.dense().linearBackwardData(dy.bf16(), weight.f32(), dx.bf16());
    assertRounded(dx, "dx");
    Tensor[] dWeights = {zeros(out, in), zeros(out, in)};
    Tensor[] dBiases = {zeros(out), zeros(out)};
    for (int twice = 0; twice < 2; twice++) {
      backend.dense().linearBackwardWeight(x.f32(), dy.f32(), dWeights[0], dBiases[0]);
      backend.dense().linearBackwardWeight(x.bf16(), dy.bf16(), dWeights[1], dBiases[1]);
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

  @Test
  void computesTheSameBitsAgain() {
    Conv2dSpec spec = Conv2dSpec.of(3, 1, 1);
    Pair x = pair(1, 37, 41, 32);
    Pair dy = pair(1, 37, 41, 48);
    Pair weight = pair(48, 3, 3, 32);
    float[][] first = null;
    for (int run = 0; run < 3; run++) {
      Tensor y = output(1, 37, 41, 48).bf16();
      Tensor dx = output(1, 37, 41, 32).bf16();
      Tensor dWeight = zeros(48, 3, 3, 32);
      backend.convolutions().conv2d(spec, x.bf16(), weight.f32(), null, null, null, y);
      backend
          .convolutions()
          .conv2dBackwardData(spec, dy.bf16(), weight.f32(), null, null, null, null, dx);
      backend.convolutions().conv2dBackwardWeight(spec, x.bf16(), dy.bf16(), null, dWeight, null);
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
    convolves(3, 1, 1, 1, 6, 6, 8, 8);
    multipliesMatrices(4, 8, 8);
    assertEquals(used, backend.pool().usedBytes());
  }
}

package dev.cocoli.backend;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.cocoli.backend.spec.Activation;
import dev.cocoli.backend.spec.BatchNormSpec;
import dev.cocoli.backend.spec.Pool2dSpec;
import dev.cocoli.backend.spec.RoiAlignSpec;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.testing.Bf16;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What primitives of maps and regions owe in BF16. */
class Bf16ContractTest extends Bf16Contract {
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
    backend.pooling().maxPool2d(spec, x.f32(), y.f32(), null);
    backend.pooling().maxPool2d(spec, x.bf16(), y.bf16(), null);
    assertArrayEquals(tensors.floats(y.f32()), tensors.floats(y.bf16()));
    backend.pooling().maxPool2d(spec, x.f32(), y.f32(), argmax[0]);
    backend.pooling().maxPool2d(spec, x.bf16(), y.bf16(), argmax[1]);
    assertArrayEquals(tensors.floats(y.f32()), tensors.floats(y.bf16()));
    final Pair dy = pair(n, oh, ow, c);
    Pair dx = output(n, h, w, c);
    backend.pooling().maxPool2dBackward(spec, dy.f32(), argmax[0], dx.f32());
    backend.pooling().maxPool2dBackward(spec, dy.bf16(), argmax[1], dx.bf16());
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
        normalise(spec, x.f32(), weight, bias, add ? residual.f32() : null, statistics[0], y.f32());
        normalise(
            spec, x.bf16(), weight, bias, add ? residual.bf16() : null, statistics[1], y.bf16());
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
            x.f32(),
            weight,
            bias,
            add ? residual.f32() : null,
            statistics[0],
            y.f32(),
            dy.f32(),
            dx.f32(),
            dWeights[0],
            dBiases[0]);
        backward(
            spec,
            x.bf16(),
            weight,
            bias,
            add ? residual.bf16() : null,
            statistics[1],
            y.bf16(),
            dy.bf16(),
            dx.bf16(),
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
            null,
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
            null,
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
    backend.elementwise().add(a.f32(), b.f32(), sum.f32());
    backend.elementwise().add(a.bf16(), b.bf16(), sum.bf16());
    assertRounded(sum, "a + b");
    backend.elementwise().add(a.bf16(), b.bf16(), a.bf16());
    assertArrayEquals(tensors.floats(sum.bf16()), tensors.floats(a.bf16()), "in place");
    backend.elementwise().reluBackward(sum.f32(), b.f32());
    backend.elementwise().reluBackward(sum.bf16(), b.bf16());
    assertArrayEquals(tensors.floats(b.f32()), tensors.floats(b.bf16()));
  }

  @ParameterizedTest
  @CsvSource({"2,3,4,6,8,16", "1,5,7,9,13,3", "1,1,1,2,2,1"})
  void upsamples(int n, int h, int w, int oh, int ow, int c) {
    final Pair x = pair(n, h, w, c);
    final Pair addend = pair(n, oh, ow, c);
    Pair y = output(n, oh, ow, c);
    backend.upsampling().upsampleNearest(x.f32(), addend.f32(), y.f32());
    backend.upsampling().upsampleNearest(x.bf16(), addend.bf16(), y.bf16());
    assertRounded(y, "upsampled and added");
    backend.upsampling().upsampleNearest(x.f32(), null, y.f32());
    backend.upsampling().upsampleNearest(x.bf16(), null, y.bf16());
    assertArrayEquals(tensors.floats(y.f32()), tensors.floats(y.bf16()));
    Pair dx = output(n, h, w, c);
    backend.upsampling().upsampleNearestBackward(addend.f32(), null, dx.f32());
    backend.upsampling().upsampleNearestBackward(addend.bf16(), null, dx.bf16());
    assertRounded(dx, "dx");
    backend.upsampling().upsampleNearestBackward(addend.f32(), x.f32(), dx.f32());
    backend.upsampling().upsampleNearestBackward(addend.bf16(), x.bf16(), dx.bf16());
    assertRounded(dx, "dx, added");
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
    backend.regions().roiAlign(spec, maps.stream().map(Pair::f32).toList(), regions, y.f32());
    backend.regions().roiAlign(spec, maps.stream().map(Pair::bf16).toList(), regions, y.bf16());
    assertRounded(y, "pooled");
    final Pair dy = pair(31, 7, 7, channels);
    List<Pair> gradients = List.of(output(2, 16, 20, channels), output(2, 8, 10, channels));
    backend
        .regions()
        .roiAlignBackward(spec, dy.f32(), regions, gradients.stream().map(Pair::f32).toList());
    backend
        .regions()
        .roiAlignBackward(spec, dy.bf16(), regions, gradients.stream().map(Pair::bf16).toList());
    for (Pair gradient : gradients) {
      assertRounded(gradient, "gradient of a map");
    }
  }

  @Test
  void joinsColumns() {
    Pair x = pair(3, 5);
    Pair y = output(3, 7);
    backend.copies().copyColumns(x.bf16(), 1, y.bf16(), 4, 3);
    float[] from = tensors.floats(x.f32());
    float[] to = tensors.floats(y.bf16());
    for (int row = 0; row < 3; row++) {
      for (int column = 0; column < 3; column++) {
        assertEquals(from[5 * row + 1 + column], to[7 * row + 4 + column]);
      }
    }
  }

  @Test
  void givesAllMemoryBack() {
    long used = backend.pool().usedBytes();
    poolsRegions(8);
    assertEquals(used, backend.pool().usedBytes());
  }
}

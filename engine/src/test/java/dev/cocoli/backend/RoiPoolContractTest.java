package dev.cocoli.backend;

import static dev.cocoli.testing.Differences.assertClose;
import static dev.cocoli.testing.Differences.relativeNorm;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cocoli.backend.spec.RoiPoolSpec;
import dev.cocoli.ops.Ops;
import dev.cocoli.ops.RoiOps;
import dev.cocoli.ops.Tape;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.testing.BackendContract;
import dev.cocoli.testing.OracleFile;
import dev.cocoli.testing.TestBackends;
import dev.cocoli.testing.TestTensors;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What RoIPool and its gradient owe on every backend. */
@MethodSource("dev.cocoli.testing.TestBackends#deterministic")
class RoiPoolContractTest extends BackendContract {
  /** ops.py's case, and edge.*: roi_pool.py's with regions that leave the image. */
  @ParameterizedTest
  @CsvSource({"/oracle/ops.safetensors, roi_pool", "/oracle/roi_pool.safetensors, edge"})
  void poolsAsTorchvisionDoes(String file, String name) {
    OracleFile oracle = OracleFile.resource(file);
    JsonNode parameters = oracle.parameters(name);
    int bins = parameters.get("output").asInt();
    RoiPoolSpec spec = new RoiPoolSpec(bins, (float) parameters.get("spatial_scale").asDouble());
    long[] shape = oracle.shape(name + ".in.x");
    long regions = oracle.shape(name + ".in.rois")[0];
    float[] pixels = oracle.channelsLast(name + ".in.x");
    Tensor map = tensors.floats(pixels, shape[0], shape[2], shape[3], shape[1]);
    Tensor rois = tensors.floats(oracle.floats(name + ".in.rois"), regions, 5);
    Tensor y = tensors.floatOutput(regions, bins, bins, shape[1]);
    Tensor argmax = tensors.intOutput(regions, bins, bins, shape[1]);
    backend.regions().roiPool(spec, map, rois, y, argmax);
    assertClose(oracle.channelsLast(name + ".out.y"), tensors.floats(y), 0, name);

    Tensor alone = tensors.floatOutput(regions, bins, bins, shape[1]);
    backend.regions().roiPool(spec, map, rois, alone, null);
    assertArrayEquals(tensors.floats(y), tensors.floats(alone), "without places");

    Tensor dy = tensors.floats(oracle.channelsLast(name + ".seed"), regions, bins, bins, shape[1]);
    Tensor dMap = tensors.floatOutput(shape[0], shape[2], shape[3], shape[1]);
    backend.regions().roiPoolBackward(spec, dy, rois, argmax, dMap);
    float[] gradient = oracle.channelsLast(name + ".grad.x");
    double off = relativeNorm(gradient, tensors.floats(dMap));
    assertTrue(off < 1e-6, name + ": gradient is off by " + off);
  }

  /** Kernels take several channels at a time where their number allows it. */
  @ParameterizedTest
  @ValueSource(ints = {1, 4, 6, 36})
  void poolsAnyNumberOfChannels(int copies) {
    OracleFile oracle = OracleFile.resource("/oracle/roi_pool.safetensors");
    JsonNode parameters = oracle.parameters("edge");
    int bins = parameters.get("output").asInt();
    RoiPoolSpec spec = new RoiPoolSpec(bins, (float) parameters.get("spatial_scale").asDouble());
    long[] shape = oracle.shape("edge.in.x");
    int own = (int) shape[1];
    int channels = own * copies;
    long regions = oracle.shape("edge.in.rois")[0];
    float[] pixels = repeated(oracle.channelsLast("edge.in.x"), own, channels);
    Tensor map = tensors.floats(pixels, shape[0], shape[2], shape[3], channels);
    Tensor rois = tensors.floats(oracle.floats("edge.in.rois"), regions, 5);
    Tensor y = tensors.floatOutput(regions, bins, bins, channels);
    Tensor argmax = tensors.intOutput(regions, bins, bins, channels);
    backend.regions().roiPool(spec, map, rois, y, argmax);
    float[] pooled = repeated(oracle.channelsLast("edge.out.y"), own, channels);
    assertClose(pooled, tensors.floats(y), 0, "pooled");

    float[] seeds = repeated(oracle.channelsLast("edge.seed"), own, channels);
    Tensor dy = tensors.floats(seeds, regions, bins, bins, channels);
    Tensor dMap = tensors.floatOutput(shape[0], shape[2], shape[3], channels);
    backend.regions().roiPoolBackward(spec, dy, rois, argmax, dMap);
    float[] gradient = repeated(oracle.channelsLast("edge.grad.x"), own, channels);
    double off = relativeNorm(gradient, tensors.floats(dMap));
    assertTrue(off < 1e-6, "gradient is off by " + off);
  }

  /** The channels again and again. */
  private static float[] repeated(float[] values, int own, int channels) {
    float[] more = new float[values.length / own * channels];
    for (int i = 0; i < more.length; i++) {
      more[i] = values[i / channels * own + i % channels % own];
    }
    return more;
  }

  @Test
  void writesZerosForNoRegionAndTakesTheFirstOfEqualPixels() {
    RoiPoolSpec spec = new RoiPoolSpec(2, 1);
    float[] ones = new float[4 * 5 * 3];
    Arrays.fill(ones, 1);
    Tensor map = tensors.floats(ones, 1, 4, 5, 3);
    Tensor rois = tensors.floats(new float[] {-1, 0, 0, 3, 3, 0, 0, 0, 3, 3}, 2, 5);
    Tensor y = tensors.floatOutput(2, 2, 2, 3);
    Tensor argmax = tensors.intOutput(2, 2, 2, 3);
    backend.regions().roiPool(spec, map, rois, y, argmax);
    float[] expected = new float[24];
    Arrays.fill(expected, 12, 24, 1);
    assertArrayEquals(expected, tensors.floats(y));
    int[] places = new int[24];
    Arrays.fill(places, 0, 12, -1);
    int[] first = {0, 2, 10, 12};
    for (int i = 12; i < 24; i++) {
      places[i] = first[(i - 12) / 3];
    }
    assertArrayEquals(places, tensors.ints(argmax));

    Tensor dMap = tensors.floatOutput(1, 4, 5, 3);
    backend.regions().roiPoolBackward(spec, y, rois, argmax, dMap);
    float[] gradient = tensors.floats(dMap);
    for (int i = 0; i < 60; i++) {
      int pixel = i / 3;
      assertEquals(Arrays.stream(first).anyMatch(at -> at == pixel) ? 1 : 0, gradient[i]);
    }
  }

  @Test
  void takesNoRegionsAtAll() {
    RoiPoolSpec spec = new RoiPoolSpec(7, 1);
    Tensor map = tensors.floats(new float[20], 1, 4, 5, 1);
    Tensor rois = tensors.floats(new float[0], 0, 5);
    Tensor y = tensors.floatOutput(0, 7, 7, 1);
    Tensor argmax = tensors.intOutput(0, 7, 7, 1);
    backend.regions().roiPool(spec, map, rois, y, argmax);
    Tensor dMap = tensors.floatOutput(1, 4, 5, 1);
    backend.regions().roiPoolBackward(spec, y, rois, argmax, dMap);
    assertArrayEquals(new float[20], tensors.floats(dMap));
  }

  @Test
  void backwardIsTheGradientOfForward() {
    long seed = 11;
    Random random = new Random(seed);
    RoiPoolSpec spec = new RoiPoolSpec(3, 0.25f);
    float[] values = values(random, 2 * 9 * 11 * 5);
    float[] regions = {
      0, 3, 2, 30, 33, 1, -4, -3, 12, 9, 1, 20, 8, 60, 50, 0, 1, 1, 2, 2, 1, 30, 20, 44, 36
    };
    Tensor rois = tensors.floats(regions, 5, 5);
    float[] seeds = values(random, 5 * 9 * 5);
    Tensor dy = tensors.floats(seeds, 5, 3, 3, 5);
    Tensor y = tensors.floatOutput(5, 3, 3, 5);
    Tensor argmax = tensors.intOutput(5, 3, 3, 5);
    Tensor dMap = tensors.floatOutput(2, 9, 11, 5);
    backend.regions().roiPool(spec, tensors.floats(values, 2, 9, 11, 5), rois, y, argmax);
    backend.regions().roiPoolBackward(spec, dy, rois, argmax, dMap);
    float[] gradient = tensors.floats(dMap);
    float step = 1e-3f; // smaller than the distance of any two Gaussians here
    for (int i = 0; i < values.length; i += 7) {
      double slope =
          (loss(spec, values, i, step, rois, seeds, y)
                  - loss(spec, values, i, -step, rois, seeds, y))
              / (2 * step);
      assertEquals(slope, gradient[i], 2e-3, "seed " + seed + " element " + i);
    }
  }

  private double loss(
      RoiPoolSpec spec,
      float[] values,
      int element,
      float step,
      Tensor rois,
      float[] seeds,
      Tensor y) {
    float[] moved = values.clone();
    moved[element] += step;
    backend.regions().roiPool(spec, tensors.floats(moved, 2, 9, 11, 5), rois, y, null);
    float[] pooled = tensors.floats(y);
    double sum = 0;
    for (int i = 0; i < pooled.length; i++) {
      sum += (double) pooled[i] * seeds[i];
    }
    return sum;
  }

  @Test
  void leavesNothingInTheScopeButItsOutput() {
    Random random = new Random(5);
    Tensor map = gaussians(random, 1, 6, 7, 4);
    Tensor gradient = tensors.floats(new float[1 * 6 * 7 * 4], 1, 6, 7, 4);
    Tensor rois = tensors.floats(new float[] {0, 1, 1, 5, 5}, 1, 5);
    long before = backend.pool().usedBytes();
    try (TensorScope scope = new TensorScope(backend.pool())) {
      Tape tape = new Tape();
      tape.watch(map, gradient, null);
      new RoiOps(new Ops(backend, scope, tape)).roiPool(new RoiPoolSpec(2, 1), map, rois);
    }
    assertEquals(before, backend.pool().usedBytes());
  }

  @Test
  void doesNotDependOnTheThreads() {
    assertArrayEquals(bothWays(1)[0], bothWays(3)[0]);
    assertArrayEquals(bothWays(1)[1], bothWays(3)[1]);
  }

  private static float[][] bothWays(int threads) {
    try (Backend cpu = TestBackends.cpu(threads);
        TestTensors own = new TestTensors(cpu)) {
      Random random = new Random(3);
      float[] regions = new float[5 * 60];
      for (int r = 0; r < 60; r++) {
        regions[5 * r] = random.nextInt(2);
        regions[5 * r + 1] = random.nextInt(80);
        regions[5 * r + 2] = random.nextInt(60);
        regions[5 * r + 3] = regions[5 * r + 1] + random.nextFloat() * 60;
        regions[5 * r + 4] = regions[5 * r + 2] + random.nextFloat() * 60;
      }
      RoiPoolSpec spec = new RoiPoolSpec(7, 0.25f);
      Tensor map = own.floats(values(random, 2 * 30 * 40 * 40), 2, 30, 40, 40);
      Tensor rois = own.floats(regions, 60, 5);
      Tensor y = own.floatOutput(60, 7, 7, 40);
      Tensor argmax = own.intOutput(60, 7, 7, 40);
      Tensor dMap = own.floatOutput(2, 30, 40, 40);
      cpu.regions().roiPool(spec, map, rois, y, argmax);
      cpu.regions().roiPoolBackward(spec, y, rois, argmax, dMap);
      return new float[][] {own.floats(y), own.floats(dMap)};
    }
  }
}

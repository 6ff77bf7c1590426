package dev.cocoli.backend;

import static dev.cocoli.testing.Differences.assertClose;
import static dev.cocoli.testing.Differences.relativeNorm;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cocoli.backend.spec.RoiAlignSpec;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.testing.BackendContract;
import dev.cocoli.testing.OracleFile;
import dev.cocoli.testing.TestBackends;
import dev.cocoli.testing.TestTensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What RoIAlign and its gradient owe on every backend. */
@MethodSource("dev.cocoli.testing.TestBackends#deterministic")
class RoiAlignContractTest extends BackendContract {
  @ParameterizedTest
  @ValueSource(strings = {"legacy.2", "legacy.-1", "aligned.2", "aligned.-1"})
  void poolsOneMapAsTorchvisionDoes(String variant) {
    OracleFile oracle = OracleFile.ops();
    String name = "roi_align." + variant;
    JsonNode parameters = oracle.parameters(name);
    RoiAlignSpec spec =
        RoiAlignSpec.single(
            parameters.get("output").asInt(),
            parameters.get("sampling_ratio").asInt(),
            parameters.get("aligned").asBoolean(),
            (float) parameters.get("spatial_scale").asDouble());
    Tensor map = tensors.floats(oracle.channelsLast(name + ".in.x"), 2, 11, 15, 3);
    Tensor rois = tensors.floats(oracle.floats(name + ".in.rois"), 7, 5);
    Tensor y = tensors.floatOutput(7, 7, 7, 3);
    backend.regions().roiAlign(spec, List.of(map), rois, y);
    assertClose(oracle.channelsLast(name + ".out.y"), tensors.floats(y), 2e-6, name);

    Tensor dy = tensors.floats(oracle.channelsLast(name + ".seed"), 7, 7, 7, 3);
    Tensor dMap = tensors.floatOutput(2, 11, 15, 3);
    backend.regions().roiAlignBackward(spec, dy, rois, List.of(dMap));
    float[] gradient = oracle.channelsLast(name + ".grad.x");
    assertTrue(relativeNorm(gradient, tensors.floats(dMap)) < 1e-6, name + ": gradient");
  }

  /** Kernels take several channels at a time where their number and the address allow it. */
  @ParameterizedTest
  @CsvSource({"12, 0", "12, 1", "24, 0", "6, 0", "66, 0"})
  void poolsAnyNumberOfChannelsAtAnyAddress(int channels, int shift) {
    OracleFile oracle = OracleFile.ops();
    String name = "roi_align.aligned.-1";
    JsonNode parameters = oracle.parameters(name);
    RoiAlignSpec spec =
        RoiAlignSpec.single(
            parameters.get("output").asInt(),
            -1,
            true,
            (float) parameters.get("spatial_scale").asDouble());
    Tensor map = shifted(repeated(oracle.channelsLast(name + ".in.x"), channels), shift);
    Tensor rois = tensors.floats(oracle.floats(name + ".in.rois"), 7, 5);
    Tensor y = shifted(new float[7 * 49 * channels], shift);
    backend
        .regions()
        .roiAlign(
            spec, List.of(map.reshape(2, 11, 15, channels)), rois, y.reshape(7, 7, 7, channels));
    float[] pooled = repeated(oracle.channelsLast(name + ".out.y"), channels);
    assertClose(pooled, tensors.floats(y), 2e-6, name);

    Tensor dy = shifted(repeated(oracle.channelsLast(name + ".seed"), channels), shift);
    Tensor dMap = shifted(new float[2 * 11 * 15 * channels], shift).reshape(2, 11, 15, channels);
    backend.regions().roiAlignBackward(spec, dy.reshape(7, 7, 7, channels), rois, List.of(dMap));
    float[] gradient = repeated(oracle.channelsLast(name + ".grad.x"), channels);
    assertTrue(relativeNorm(gradient, tensors.floats(dMap)) < 1e-6, name + ": gradient");
  }

  /** The three channels again and again. */
  private static float[] repeated(float[] values, int channels) {
    float[] more = new float[values.length / 3 * channels];
    for (int i = 0; i < more.length; i++) {
      more[i] = values[i / channels * 3 + i % channels % 3];
    }
    return more;
  }

  /** A tensor that begins some elements behind where memory for tensors begins. */
  private Tensor shifted(float[] values, int by) {
    float[] behind = new float[by + values.length];
    System.arraycopy(values, 0, behind, by, values.length);
    return tensors.floats(behind, behind.length).rows(by, values.length);
  }

  @Test
  void poolsAPyramidAsTorchvisionDoes() {
    OracleFile oracle = OracleFile.resource("/oracle/regions.safetensors");
    RoiAlignSpec spec = pyramid(oracle);
    List<Tensor> maps = new ArrayList<>();
    List<Tensor> dMaps = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      long[] shape = oracle.shape("pyramid.in.map" + i);
      float[] values = oracle.channelsLast("pyramid.in.map" + i);
      maps.add(tensors.floats(values, shape[0], shape[2], shape[3], shape[1]));
      dMaps.add(tensors.floatOutput(shape[0], shape[2], shape[3], shape[1]));
    }
    long regions = oracle.shape("pyramid.in.rois")[0];
    Tensor rois = tensors.floats(oracle.floats("pyramid.in.rois"), regions, 5);
    Tensor y = tensors.floatOutput(regions, 7, 7, 3);
    backend.regions().roiAlign(spec, maps, rois, y);
    assertClose(oracle.channelsLast("pyramid.out.y"), tensors.floats(y), 2e-6, "pyramid");

    Tensor dy = tensors.floats(oracle.channelsLast("pyramid.seed"), regions, 7, 7, 3);
    backend.regions().roiAlignBackward(spec, dy, rois, dMaps);
    for (int i = 0; i < 4; i++) {
      float[] gradient = oracle.channelsLast("pyramid.grad.map" + i);
      double difference = relativeNorm(gradient, tensors.floats(dMaps.get(i)));
      assertTrue(difference < 1e-6, "gradient of map " + i + " is off by " + difference);
    }
  }

  private static RoiAlignSpec pyramid(OracleFile oracle) {
    JsonNode parameters = oracle.parameters("pyramid");
    float[] scales = new float[4];
    for (int i = 0; i < 4; i++) {
      scales[i] = (float) parameters.get("scales").get(i).asDouble();
    }
    return new RoiAlignSpec(
        parameters.get("output").asInt(),
        parameters.get("sampling_ratio").asInt(),
        false,
        scales,
        (float) parameters.get("canonical_scale").asDouble(),
        (float) parameters.get("canonical_level").asDouble());
  }

  @Test
  void writesZerosForNoRegion() {
    RoiAlignSpec spec = RoiAlignSpec.single(2, 2, false, 1);
    Tensor map = tensors.floats(filled(1 * 4 * 5 * 3, 1), 1, 4, 5, 3);
    Tensor rois = tensors.floats(new float[] {-1, 0, 0, 3, 3, 0, 0, 0, 3, 3}, 2, 5);
    Tensor y = tensors.floatOutput(2, 2, 2, 3);
    backend.regions().roiAlign(spec, List.of(map), rois, y);
    float[] expected = new float[24];
    Arrays.fill(expected, 12, 24, 1);
    assertArrayEquals(expected, tensors.floats(y), 1e-6f);

    Tensor dMap = tensors.floatOutput(1, 4, 5, 3);
    Tensor onlyPadding = rois.rows(0, 1);
    backend.regions().roiAlignBackward(spec, y.rows(1, 1), onlyPadding, List.of(dMap));
    assertArrayEquals(new float[60], tensors.floats(dMap));
  }

  @Test
  void takesNoRegionsAtAll() {
    RoiAlignSpec spec = RoiAlignSpec.single(7, 2, false, 1);
    Tensor map = tensors.floats(filled(20, 1), 1, 4, 5, 1);
    Tensor rois = tensors.floats(new float[0], 0, 5);
    Tensor y = tensors.floatOutput(0, 7, 7, 1);
    backend.regions().roiAlign(spec, List.of(map), rois, y);
    Tensor dMap = tensors.floatOutput(1, 4, 5, 1);
    backend.regions().roiAlignBackward(spec, y, rois, List.of(dMap));
    assertArrayEquals(new float[20], tensors.floats(dMap));
  }

  @Test
  void poolsAMapOfOnePixel() {
    RoiAlignSpec spec = RoiAlignSpec.single(3, 2, false, 0.125f);
    Tensor map = tensors.floats(new float[] {5, -7}, 1, 1, 1, 2);
    Tensor rois = tensors.floats(new float[] {0, 0, 0, 7, 7}, 1, 5);
    Tensor y = tensors.floatOutput(1, 3, 3, 2);
    backend.regions().roiAlign(spec, List.of(map), rois, y);
    float[] pooled = tensors.floats(y);
    for (int i = 0; i < 9; i++) {
      assertEquals(5, pooled[2 * i], 1e-6);
      assertEquals(-7, pooled[2 * i + 1], 1e-6);
    }
  }

  @Test
  void backwardIsTheGradientOfForward() {
    long seed = 7;
    Random random = new Random(seed);
    RoiAlignSpec spec = new RoiAlignSpec(3, 2, true, new float[] {0.25f, 0.125f}, 32, 3);
    List<Tensor> maps = List.of(gaussians(random, 2, 9, 11, 5), gaussians(random, 2, 5, 6, 5));
    float[] regions = {
      0, 3, 2, 30, 33, 1, -4, -3, 12, 9, 1, 20, 8, 60, 50, 0, 1, 1, 2, 2, 1, 30, 20, 44, 36
    };
    Tensor rois = tensors.floats(regions, 5, 5);
    Tensor dy = gaussians(random, 5, 3, 3, 5);
    Tensor y = tensors.floatOutput(5, 3, 3, 5);
    List<Tensor> dMaps = List.of(tensors.floatOutput(2, 9, 11, 5), tensors.floatOutput(2, 5, 6, 5));
    backend.regions().roiAlignBackward(spec, dy, rois, dMaps);
    for (int m = 0; m < 2; m++) {
      float[] values = tensors.floats(maps.get(m));
      float[] gradient = tensors.floats(dMaps.get(m));
      for (int i = 0; i < values.length; i += 7) {
        double slope =
            (loss(spec, maps, m, values, i, 0.5f, rois, dy, y)
                - loss(spec, maps, m, values, i, -0.5f, rois, dy, y));
        assertEquals(slope, gradient[i], 1e-4, "seed " + seed + " map " + m + " element " + i);
      }
    }
  }

  /** RoIAlign is linear in the map, so a step of one half is exact. */
  private double loss(
      RoiAlignSpec spec,
      List<Tensor> maps,
      int which,
      float[] values,
      int element,
      float step,
      Tensor rois,
      Tensor dy,
      Tensor y) {
    float[] moved = values.clone();
    moved[element] += step;
    List<Tensor> movedMaps = new ArrayList<>(maps);
    movedMaps.set(which, tensors.floats(moved, maps.get(which).shape().toArray()));
    backend.regions().roiAlign(spec, movedMaps, rois, y);
    float[] pooled = tensors.floats(y);
    float[] seeds = tensors.floats(dy);
    double sum = 0;
    for (int i = 0; i < pooled.length; i++) {
      sum += (double) pooled[i] * seeds[i];
    }
    return sum;
  }

  /**
   * The gradient is the adjoint of the linear forward pass, for regions of any size and place:
   * {@code <roiAlign(x), dy> = <x, roiAlignBackward(dy)>} for each region by itself. Channels,
   * samples of a bin.
   */
  @ParameterizedTest
  @CsvSource({"8, 2", "8, 1", "8, 3", "8, 4", "8, 5", "8, -1", "3, 2", "3, -1"})
  void backwardIsTheAdjointOfForward(int channels, int samples) {
    Random random = new Random(9);
    Tensor map = gaussians(random, 2, 13, 17, channels);
    float[] pixels = tensors.floats(map);
    float[][] boxes = {
      {3, 2, 6, 5}, // bins smaller than a pixel
      {1.3f, 2.2f, 9.1f, 7.4f},
      {0, 0, 17, 13},
      {-5, -4, 30, 26}, // samples beyond all sides
      {15.5f, 11.5f, 17, 13}, // the last pixels
      {6, 6, 6, 6},
      {-40, -40, -20, -30} // nowhere
    };
    for (boolean aligned : new boolean[] {false, true}) {
      RoiAlignSpec spec = RoiAlignSpec.single(5, samples, aligned, 1);
      for (int i = 0; i < boxes.length; i++) {
        float[] b = boxes[i];
        Tensor roi = tensors.floats(new float[] {i % 2, b[0], b[1], b[2], b[3]}, 1, 5);
        Tensor y = tensors.floatOutput(1, 5, 5, channels);
        backend.regions().roiAlign(spec, List.of(map), roi, y);
        Tensor dy = gaussians(random, 1, 5, 5, channels);
        Tensor dMap = tensors.floatOutput(2, 13, 17, channels);
        backend.regions().roiAlignBackward(spec, dy, roi, List.of(dMap));
        float[] pooled = tensors.floats(y);
        float[] seeds = tensors.floats(dy);
        float[] gradient = tensors.floats(dMap);
        for (int c = 0; c < channels; c++) {
          double forward = 0;
          for (int at = c; at < pooled.length; at += channels) {
            forward += (double) pooled[at] * seeds[at];
          }
          double backward = 0;
          for (int at = c; at < pixels.length; at += channels) {
            backward += (double) pixels[at] * gradient[at];
          }
          assertEquals(forward, backward, 2e-5, "box " + i + ", channel " + c + ", " + aligned);
        }
      }
    }
  }

  /** Hundreds of regions in one place, and some everywhere. */
  @ParameterizedTest
  @ValueSource(ints = {3, 8, 160})
  void addsUpManyRegions(int channels) {
    Random random = new Random(23);
    int count = 600;
    float[] regions = new float[5 * count];
    for (int r = 0; r < count; r++) {
      boolean crowd = r % 3 != 0;
      regions[5 * r] = random.nextInt(-1, 2);
      regions[5 * r + 1] = (crowd ? 60 : 120) * random.nextFloat();
      regions[5 * r + 2] = (crowd ? 40 : 90) * random.nextFloat();
      regions[5 * r + 3] = regions[5 * r + 1] + (crowd ? 30 : 80) * random.nextFloat();
      regions[5 * r + 4] = regions[5 * r + 2] + (crowd ? 30 : 80) * random.nextFloat();
    }
    RoiAlignSpec spec = new RoiAlignSpec(7, 2, false, new float[] {0.25f, 0.125f}, 32, 3);
    float[] dy = values(random, count * 49 * channels);
    List<Tensor> dMaps =
        List.of(tensors.floatOutput(2, 27, 35, channels), tensors.floatOutput(2, 14, 18, channels));
    backend
        .regions()
        .roiAlignBackward(
            spec,
            tensors.floats(dy, count, 7, 7, channels),
            tensors.floats(regions, count, 5),
            dMaps);
    try (Backend cpu = TestBackends.cpu(2);
        TestTensors own = new TestTensors(cpu)) {
      List<Tensor> expected =
          List.of(own.floatOutput(2, 27, 35, channels), own.floatOutput(2, 14, 18, channels));
      cpu.regions()
          .roiAlignBackward(
              spec, own.floats(dy, count, 7, 7, channels), own.floats(regions, count, 5), expected);
      for (int m = 0; m < 2; m++) {
        double off = relativeNorm(own.floats(expected.get(m)), tensors.floats(dMaps.get(m)));
        assertTrue(off < 1e-6, "map " + m + " is off by " + off);
      }
    }
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
      RoiAlignSpec spec = RoiAlignSpec.single(7, 2, false, 0.25f);
      Tensor map = own.floats(values(random, 2 * 30 * 40 * 16), 2, 30, 40, 16);
      Tensor rois = own.floats(regions, 60, 5);
      Tensor y = own.floatOutput(60, 7, 7, 16);
      Tensor dMap = own.floatOutput(2, 30, 40, 16);
      cpu.regions().roiAlign(spec, List.of(map), rois, y);
      cpu.regions().roiAlignBackward(spec, y, rois, List.of(dMap));
      return new float[][] {own.floats(y), own.floats(dMap)};
    }
  }

  private static float[] filled(int count, float value) {
    float[] values = new float[count];
    Arrays.fill(values, value);
    return values;
  }
}

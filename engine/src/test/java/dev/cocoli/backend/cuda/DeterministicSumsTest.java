package dev.cocoli.backend.cuda;

import static dev.cocoli.testing.Differences.assertClose;
import static dev.cocoli.testing.Differences.relativeNorm;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cocoli.backend.cuda.kernels.Summation;
import dev.cocoli.backend.spec.RoiAlignSpec;
import dev.cocoli.backend.spec.RoiPoolSpec;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.testing.OracleFile;
import dev.cocoli.testing.TestTensors;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * That sums of fixed-point numbers have the same bits in any order, and are right at the limits.
 */
@Tag("slow")
class DeterministicSumsTest {
  private static final int[] SEEDS = {1, 2, 3, 4, 5};
  private static final int REGIONS = 40;

  /** One pixel, to which everything goes that is not outside. */
  private static final RoiAlignSpec ALIGN = RoiAlignSpec.single(4, 1, false, 1);

  private HostBackend backend;
  private TestTensors tensors;

  @BeforeEach
  void open() {
    assumeTrue(CudaOnHost.isPossible(), "there is no C++ compiler");
    backend = CudaOnHost.open(Summation.DETERMINISTIC);
    tensors = new TestTensors(backend);
  }

  @AfterEach
  void close() {
    if (backend != null) {
      tensors.close();
      backend.close();
    }
  }

  /** Regions of two images that overlap, and one that pads. */
  private static float[] regions() {
    Random random = new Random(17);
    float[] regions = new float[5 * REGIONS];
    for (int r = 1; r < REGIONS; r++) {
      regions[5 * r] = r % 2;
      regions[5 * r + 1] = random.nextFloat() * 30;
      regions[5 * r + 2] = random.nextFloat() * 20;
      regions[5 * r + 3] = regions[5 * r + 1] + 4 + random.nextFloat() * 40;
      regions[5 * r + 4] = regions[5 * r + 2] + 4 + random.nextFloat() * 40;
    }
    regions[0] = -1;
    return regions;
  }

  private static float[] gaussians(int count) {
    Random random = new Random(18);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  private static float[] filled(int count, float value) {
    float[] values = new float[count];
    Arrays.fill(values, value);
    return values;
  }

  @ParameterizedTest
  @CsvSource({"16, F32", "5, F32", "16, BF16", "5, BF16"})
  void roiAlignHasTheSameBitsInAnyOrder(int channels, DType type) {
    float[] first = align(backend, SEEDS[0], channels, type);
    for (int seed : SEEDS) {
      assertArrayEquals(first, align(backend, seed, channels, type), "seed " + seed);
    }
    try (HostBackend fast = CudaOnHost.open(Summation.FASTEST)) {
      float[] other = align(fast, SEEDS[0], channels, type);
      // a bit of bf16 where the sums are rounded to either side; else roundings of the sums
      assertClose(other, first, type == DType.F32 ? 5e-6 : 0.0625, "beside sums of floats");
      // which have the order of the regions
      for (int seed : SEEDS) {
        assertArrayEquals(other, align(fast, seed, channels, type), "floats, seed " + seed);
      }
    }
  }

  private static float[] align(HostBackend backend, int seed, int channels, DType type) {
    RoiAlignSpec spec = new RoiAlignSpec(3, 2, true, new float[] {0.25f, 0.125f}, 32, 3);
    float[] values = gaussians(REGIONS * 9 * channels);
    try (TestTensors own = new TestTensors(backend)) {
      boolean wide = type == DType.F32;
      long[] shape = {REGIONS, 3, 3, channels};
      Tensor dy = wide ? own.floats(values, shape) : own.bfloats(values, shape);
      float[] unwritten = filled(2 * 15 * 17 * channels, Float.NaN);
      Tensor fine =
          wide
              ? own.floats(unwritten, 2, 15, 17, channels)
              : own.bfloats(unwritten, 2, 15, 17, channels);
      float[] fewer = filled(2 * 8 * 9 * channels, Float.NaN);
      Tensor coarse =
          wide ? own.floats(fewer, 2, 8, 9, channels) : own.bfloats(fewer, 2, 8, 9, channels);
      backend.queue().seed(seed);
      long before = backend.pool().usedBytes();
      backend
          .regions()
          .roiAlignBackward(spec, dy, own.floats(regions(), REGIONS, 5), List.of(fine, coarse));
      assertEquals(before, backend.pool().usedBytes(), "scratch memory is left");
      float[] both = Arrays.copyOf(own.floats(fine), unwritten.length + fewer.length);
      System.arraycopy(own.floats(coarse), 0, both, unwritten.length, fewer.length);
      return both;
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {4, 5})
  void roiPoolHasTheSameBitsInAnyOrderAndIsExact(int channels) {
    int[] winners = new int[REGIONS * 9 * channels];
    Random random = new Random(19);
    for (int i = 0; i < winners.length; i++) {
      winners[i] = random.nextInt(-1, 12);
    }
    float[] exact = exactPool(winners, channels);
    for (int seed : SEEDS) {
      // the sums in double precision, rounded once, but for the unit: 2^-50 or so
      float[] found = pool(backend, seed, winners, channels);
      assertArrayEquals(exact, found, "seed " + seed);
    }
    try (HostBackend fast = CudaOnHost.open(Summation.FASTEST)) {
      float[] one = pool(fast, SEEDS[0], winners, channels);
      float[] other = pool(fast, SEEDS[1], winners, channels);
      assertFalse(Arrays.equals(one, other), "atomic sums");
      assertClose(exact, one, 1e-5, "atomic sums");
    }
  }

  private static float[] pool(HostBackend backend, int seed, int[] winners, int channels) {
    try (TestTensors own = new TestTensors(backend)) {
      Tensor dy = own.floats(gaussians(winners.length), REGIONS, 3, 3, channels);
      Tensor argmax = own.ints(winners, REGIONS, 3, 3, channels);
      Tensor rois = own.floats(regions(), REGIONS, 5);
      Tensor dMap = own.floatOutput(2, 3, 4, channels);
      backend.queue().seed(seed);
      backend.regions().roiPoolBackward(new RoiPoolSpec(3, 1), dy, rois, argmax, dMap);
      return own.floats(dMap);
    }
  }

  private static float[] exactPool(int[] winners, int channels) {
    float[] dy = gaussians(winners.length);
    double[] sums = new double[2 * 12 * channels];
    for (int i = 9 * channels; i < winners.length; i++) { // the first region pads
      if (winners[i] >= 0) {
        int image = i / (9 * channels) % 2;
        sums[(image * 12 + winners[i]) * channels + i % channels] += dy[i];
      }
    }
    float[] rounded = new float[sums.length];
    for (int i = 0; i < sums.length; i++) {
      rounded[i] = (float) sums[i];
    }
    return rounded;
  }

  /** Torchvision's own sums are of floats: the rest is theirs. */
  @ParameterizedTest
  @ValueSource(strings = {"legacy.2", "legacy.-1", "aligned.2", "aligned.-1"})
  void isWithinRoundingOfTorchvision(String variant) {
    OracleFile oracle = OracleFile.ops();
    String name = "roi_align." + variant;
    JsonNode parameters = oracle.parameters(name);
    RoiAlignSpec spec =
        RoiAlignSpec.single(
            parameters.get("output").asInt(),
            parameters.get("sampling_ratio").asInt(),
            parameters.get("aligned").asBoolean(),
            (float) parameters.get("spatial_scale").asDouble());
    Tensor rois = tensors.floats(oracle.floats(name + ".in.rois"), 7, 5);
    Tensor dy = tensors.floats(oracle.channelsLast(name + ".seed"), 7, 7, 7, 3);
    Tensor dMap = tensors.floatOutput(2, 11, 15, 3);
    backend.regions().roiAlignBackward(spec, dy, rois, List.of(dMap));
    double off = relativeNorm(oracle.channelsLast(name + ".grad.x"), tensors.floats(dMap));
    assertTrue(off < 2.1e-7, name + " is off by " + off);
  }

  /** As many addends as there can be for a pixel, each the largest. */
  @Test
  void theMostThatCanComeTogetherFits() {
    int regions = 256; // with 16 bins a power of two
    float most = Math.nextDown(2f);
    Tensor rois = tensors.floats(new float[5 * regions], regions, 5);
    Tensor dMap = tensors.floatOutput(1, 1, 1, 4);
    for (float sign : new float[] {1, -1}) {
      Tensor dy = tensors.floats(filled(regions * 64, sign * most), regions, 4, 4, 4);
      backend.regions().roiAlignBackward(ALIGN, dy, rois, List.of(dMap));
      assertArrayEquals(filled(4, sign * most * 4096), tensors.floats(dMap));
      // nine weights, each of them rounded
      RoiAlignSpec nine = RoiAlignSpec.single(4, 3, false, 1);
      backend.regions().roiAlignBackward(nine, dy, rois, List.of(dMap));
      assertArrayEquals(filled(4, sign * most * 4096), tensors.floats(dMap), 0.002f);
      Tensor argmax = tensors.ints(new int[regions * 64], regions, 4, 4, 4);
      backend.regions().roiPoolBackward(new RoiPoolSpec(4, 1), dy, rois, argmax, dMap);
      assertArrayEquals(filled(4, sign * most * 4096), tensors.floats(dMap));
    }
  }

  /** The sum of a few gradients in a single pixel. */
  private float sum(float... gradients) {
    float[] all = Arrays.copyOf(gradients, 16);
    Tensor dMap = tensors.floatOutput(1, 1, 1, 1);
    Tensor dy = tensors.floats(all, 1, 4, 4, 1);
    Tensor rois = tensors.floats(new float[5], 1, 5);
    backend.regions().roiAlignBackward(ALIGN, dy, rois, List.of(dMap));
    float aligned = tensors.floats(dMap)[0];
    Tensor argmax = tensors.ints(new int[16], 1, 4, 4, 1);
    backend.regions().roiPoolBackward(new RoiPoolSpec(4, 1), dy, rois, argmax, dMap);
    assertEquals(aligned, tensors.floats(dMap)[0], "RoIPool");
    return aligned;
  }

  @Test
  void holdsHugeAndTinyGradients() {
    assertEquals(0f, sum());
    assertEquals(0f, sum(-0f));
    assertEquals(0f, sum(3e-30f, -3e-30f));
    float huge = 3e38f;
    assertEquals(huge, sum(huge, huge, -huge));
    assertEquals(Float.MAX_VALUE, sum(Float.MAX_VALUE));
    assertEquals(-Float.MAX_VALUE, sum(-Float.MAX_VALUE));
    assertEquals(Float.POSITIVE_INFINITY, sum(huge, huge));
    assertEquals(Float.NEGATIVE_INFINITY, sum(-huge, -huge));
    float tiny = Float.MIN_VALUE;
    assertEquals(tiny, sum(tiny));
    assertEquals(-3 * tiny, sum(-tiny, -tiny, -tiny));
    float normal = Float.MIN_NORMAL;
    assertEquals(normal, sum(normal));
    assertEquals(normal + 2 * tiny, sum(normal, tiny, tiny));
    assertEquals(1.5f * normal, sum(normal, 0.5f * normal));
    for (int exponent = Float.MIN_EXPONENT; exponent <= Float.MAX_EXPONENT; exponent++) {
      float x = Math.scalb(1.2345678f, exponent);
      assertEquals(x, sum(x, -x, x));
    }
  }

  /** What a small gradient keeps beside a large one: 2^-57 for one region of 16 bins. */
  @Test
  void theUnitIsFarBelowTheLargest() {
    float small = 1.2345678e-9f;
    float[] dy = new float[16];
    dy[0] = 1;
    dy[1] = small;
    int[] winners = new int[16];
    winners[1] = 1;
    Tensor dMap = tensors.floatOutput(1, 1, 2, 1);
    backend
        .regions()
        .roiPoolBackward(
            new RoiPoolSpec(4, 1),
            tensors.floats(dy, 1, 4, 4, 1),
            tensors.floats(new float[5], 1, 5),
            tensors.ints(winners, 1, 4, 4, 1),
            dMap);
    float[] sums = tensors.floats(dMap);
    assertEquals(1, sums[0]);
    assertEquals(small, sums[1], 0x1p-58);
  }

  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
  void whatIsNotFiniteMakesAllNaN(float bad) {
    float[] values = filled(3 * 16, 1);
    values[20] = bad;
    Tensor dy = tensors.floats(values, 3, 4, 4, 1);
    Tensor argmax = tensors.ints(new int[48], 3, 4, 4, 1);
    Tensor rounded = tensors.bfloats(values, 3, 4, 4, 1);
    for (int image : new int[] {0, -1}) {
      float[] regions = new float[15];
      regions[5] = image;
      Tensor rois = tensors.floats(regions, 3, 5);
      // the gradient of a region that only pads is never read
      float expected = image == 0 ? Float.NaN : 32;
      Tensor dMap = tensors.floatOutput(2, 1, 1, 1);
      backend.regions().roiAlignBackward(ALIGN, dy, rois, List.of(dMap));
      assertArrayEquals(new float[] {expected, other(expected)}, tensors.floats(dMap));
      backend.regions().roiPoolBackward(new RoiPoolSpec(4, 1), dy, rois, argmax, dMap);
      assertArrayEquals(new float[] {expected, other(expected)}, tensors.floats(dMap));
      Tensor bf16 = tensors.bfloats(new float[2], 2, 1, 1, 1);
      backend.regions().roiAlignBackward(ALIGN, rounded, rois, List.of(bf16));
      assertArrayEquals(new float[] {expected, other(expected)}, tensors.floats(bf16));
    }
  }

  /** What a pixel to which nothing goes has beside the one that has this. */
  private static float other(float sum) {
    return Float.isNaN(sum) ? Float.NaN : 0;
  }

  @Test
  void aMapMayBeEmpty() {
    Tensor dy = tensors.floats(filled(16, 1), 1, 4, 4, 1);
    Tensor rois = tensors.floats(new float[] {-1, 0, 0, 0, 0}, 1, 5);
    Tensor dMap = tensors.floatOutput(0, 1, 1, 1);
    backend.regions().roiAlignBackward(ALIGN, dy, rois, List.of(dMap));
    assertTrue(tensors.floats(dMap).length == 0);
  }
}

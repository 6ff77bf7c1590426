package dev.cocoli.backend;

import static dev.cocoli.testing.Differences.assertClose;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cocoli.backend.spec.BoxCoderSpec;
import dev.cocoli.backend.spec.MatchSpec;
import dev.cocoli.backend.spec.MatchSpec.LowQuality;
import dev.cocoli.backend.spec.SampleKey;
import dev.cocoli.backend.spec.SampleSpec;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.testing.BackendContract;
import dev.cocoli.testing.OracleFile;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What matching, sampling and the targets of a sample owe. */
class MatchContractTest extends BackendContract {

  @ParameterizedTest
  @ValueSource(strings = {"0.7", "0.5"})
  void matchesAsTorchvisionDoes(String threshold) {
    OracleFile oracle = OracleFile.ops();
    String name = "matcher." + threshold;
    int[] matches =
        match(
            spec(oracle.parameters(name)),
            oracle.floats(name + ".in.anchors"),
            oracle.floats(name + ".in.truth"));
    assertArrayEquals(oracle.ints(name + ".out.y"), matches);
  }

  @ParameterizedTest
  @ValueSource(strings = {"match.rpn", "match.box", "match.gap"})
  void matchesEqualAndNestedObjectsAsTorchvisionDoes(String name) {
    OracleFile oracle = OracleFile.resource("/oracle/regions.safetensors");
    int[] matches =
        match(
            spec(oracle.parameters(name)),
            oracle.floats("match.in.anchors"),
            oracle.floats("match.in.truth"));
    assertArrayEquals(oracle.ints(name + ".out.y"), matches);
  }

  private static MatchSpec spec(JsonNode parameters) {
    return new MatchSpec(
        (float) parameters.get("high").asDouble(),
        (float) parameters.get("low").asDouble(),
        parameters.get("allow_low_quality").asBoolean() ? LowQuality.ALLOW : LowQuality.REFUSE);
  }

  private int[] match(MatchSpec spec, float[] boxes, float[] groundTruth) {
    int count = boxes.length / 4;
    Tensor matches = tensors.intOutput(1, count);
    backend
        .matching()
        .matchBoxes(
            spec,
            tensors.floats(boxes, 1, count, 4),
            tensors.floats(groundTruth, 1, groundTruth.length / 4, 4),
            tensors.ints(new int[] {groundTruth.length / 4}),
            matches);
    return tensors.ints(matches);
  }

  @Test
  void whatHasNoExtentIsNoBoxAndBeyondTheCountIsNoObject() {
    float[] boxes = {
      0, 0, 10, 10, 20, 20, 30, 30, 0, 0, 10, 10, 0, 0, 0, 0, 3, 5, 7, 5, 4, 2, 4, 9
    };
    // the second image has no object: what stands in its rows is none
    float[] groundTruth = {
      20, 20, 30, 30, 0, 0, 10, 10, 0, 0, 10, 10, 0, 0, 10, 10, 0, 0, 1, 1, 0, 0, 1, 1
    };
    Tensor matches = tensors.intOutput(3, 2);
    backend
        .matching()
        .matchBoxes(
            new MatchSpec(0.5f, 0.5f, LowQuality.ALLOW),
            tensors.floats(boxes, 3, 2, 4),
            tensors.floats(groundTruth, 3, 2, 4),
            tensors.ints(new int[] {2, 0, 1}),
            matches);
    int none = MatchSpec.BETWEEN_THRESHOLDS;
    assertArrayEquals(
        new int[] {1, 0, MatchSpec.BELOW_LOW_THRESHOLD, none, none, none}, tensors.ints(matches));
  }

  @Test
  void manyImagesShareTheirAnchors() {
    Random random = new Random(11);
    float[] anchors = boxes(random, 700, 100, 80);
    float[] groundTruth = boxes(random, 3 * 4, 100, 80);
    MatchSpec spec = new MatchSpec(0.5f, 0.3f, LowQuality.ALLOW);
    Tensor matches = tensors.intOutput(3, 700);
    backend
        .matching()
        .matchBoxes(
            spec,
            tensors.floats(anchors, 1, 700, 4),
            tensors.floats(groundTruth, 3, 4, 4),
            tensors.ints(new int[] {4, 1, 2}),
            matches);
    for (int image = 0; image < 3; image++) {
      int objects = new int[] {4, 1, 2}[image];
      float[] own = Arrays.copyOfRange(groundTruth, 16 * image, 16 * image + 4 * objects);
      assertArrayEquals(match(spec, anchors, own), tensors.ints(matches.rows(image, 1)));
    }
  }

  @Test
  void easyBackgroundIsIgnoredWhereAskedFor() {
    // IoU with the object: 1, 0.5, 0.1 and a little less, 0
    float[] regions = {0, 0, 10, 10, 0, 0, 10, 5, 0, 0, 10, 1, 0, 0, 10, 0.9f, 20, 20, 30, 30};
    Tensor boxes = tensors.floats(regions, 1, 5, 4);
    Tensor object = tensors.floats(new float[] {0, 0, 10, 10}, 1, 1, 4);
    MatchSpec spec = new MatchSpec(0.5f, 0.5f, LowQuality.REFUSE).ignoringBelow(0.1f);
    Tensor matches = tensors.intOutput(1, 5);
    backend.matching().matchBoxes(spec, boxes, object, tensors.ints(new int[] {1}), matches);
    assertArrayEquals(new int[] {0, 0, -1, -2, -2}, tensors.ints(matches));
    backend.matching().matchBoxes(spec, boxes, object, tensors.ints(new int[] {0}), matches);
    assertArrayEquals(
        new int[] {-2, -2, -2, -2, -2}, tensors.ints(matches), "an image without objects");
  }

  /** Against torchvision's Matcher written down for one box, at sizes around those of tiles. */
  @ParameterizedTest
  @CsvSource({"257, 128, 0", "255, 129, 0.1", "256, 300, 0", "40, 33, 0.2", "1, 1, 0"})
  void matchesByTheDefinition(int count, int objects, float ignoreBelow) {
    Random random = new Random(count);
    int images = 2;
    float[] boxes = boxes(random, images * count, 90, 70);
    float[] groundTruth = boxes(random, images * objects, 90, 70);
    // some objects twice, and one that no box overlaps
    System.arraycopy(groundTruth, 0, groundTruth, groundTruth.length - 4, 4);
    if (objects > 128) {
      System.arraycopy(new float[] {900, 900, 950, 950}, 0, groundTruth, 4 * 100, 4);
    }
    MatchSpec spec = new MatchSpec(0.6f, 0.3f, LowQuality.ALLOW).ignoringBelow(ignoreBelow);
    Tensor matches = tensors.intOutput(images, count);
    backend
        .matching()
        .matchBoxes(
            spec,
            tensors.floats(boxes, images, count, 4),
            tensors.floats(groundTruth, images, objects, 4),
            tensors.ints(new int[] {objects, objects}),
            matches);
    int[] found = tensors.ints(matches);
    for (int image = 0; image < images; image++) {
      float[][] ious = new float[count][objects];
      float[] bestOfObject = new float[objects];
      for (int i = 0; i < count; i++) {
        for (int g = 0; g < objects; g++) {
          ious[i][g] = iou(boxes, image * count + i, groundTruth, image * objects + g);
          bestOfObject[g] = Math.max(bestOfObject[g], ious[i][g]);
        }
      }
      for (int i = 0; i < count; i++) {
        int best = 0;
        boolean isBest = false;
        for (int g = 0; g < objects; g++) {
          best = ious[i][g] > ious[i][best] ? g : best;
          isBest |= ious[i][g] == bestOfObject[g];
        }
        float iou = ious[i][best];
        int expected = iou >= 0.6f || isBest ? best : iou >= 0.3f || iou < ignoreBelow ? -2 : -1;
        assertEquals(expected, found[image * count + i], "box " + i + " of image " + image);
      }
    }
  }

  private static float iou(float[] boxes, int box, float[] groundTruth, int object) {
    float[] a = Arrays.copyOfRange(boxes, 4 * box, 4 * box + 4);
    float[] b = Arrays.copyOfRange(groundTruth, 4 * object, 4 * object + 4);
    float width = Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0]));
    float height = Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
    float joint = width * height;
    return joint / ((b[2] - b[0]) * (b[3] - b[1]) + (a[2] - a[0]) * (a[3] - a[1]) - joint);
  }

  @Test
  void matchesNothingWithNothing() {
    Tensor matches = tensors.intOutput(1, 3);
    Tensor noObjects = tensors.floats(new float[0], 1, 0, 4);
    Tensor zero = tensors.ints(new int[] {0});
    MatchSpec spec = new MatchSpec(0.7f, 0.3f, LowQuality.ALLOW);
    float[] someBoxes = boxes(new Random(6), 3, 50, 50);
    backend
        .matching()
        .matchBoxes(spec, tensors.floats(someBoxes, 1, 3, 4), noObjects, zero, matches);
    assertArrayEquals(new int[] {-1, -1, -1}, tensors.ints(matches));
    Tensor noMatches = tensors.intOutput(1, 0);
    Tensor noBoxes = tensors.floats(new float[0], 1, 0, 4);
    backend.matching().matchBoxes(spec, noBoxes, noObjects, zero, noMatches);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 5, 40, 900})
  void samplesTheSmallestKeys(int objects) {
    int count = 3000;
    Random random = new Random(objects);
    int[] matches = new int[2 * count];
    Arrays.fill(matches, MatchSpec.BETWEEN_THRESHOLDS);
    for (int i = 0; i < matches.length; i++) {
      if (random.nextInt(count) < objects) {
        matches[i] = random.nextInt(7);
      } else if (random.nextInt(3) > 0) {
        matches[i] = MatchSpec.BELOW_LOW_THRESHOLD;
      }
    }
    // the second image has little background: the sample cannot be filled
    for (int i = count + 150; i < matches.length; i++) {
      matches[i] = Math.max(matches[i], MatchSpec.BETWEEN_THRESHOLDS);
      matches[i] = matches[i] == -1 ? MatchSpec.BETWEEN_THRESHOLDS : matches[i];
    }
    SampleSpec spec = new SampleSpec(256, 0.5f);
    long[] seeds = {42, -3_000_000_000L};
    Tensor indices = tensors.intOutput(2, 260);
    Tensor counts = tensors.intOutput(2);
    backend
        .matching()
        .sampleBalanced(spec, tensors.ints(matches, 2, count), seeds, indices, counts);
    for (int image = 0; image < 2; image++) {
      int[] own = Arrays.copyOfRange(matches, image * count, (image + 1) * count);
      int[] positive = smallest(seeds[image], own, 0, 128);
      int[] negative = smallest(seeds[image], own, -1, 256 - positive.length);
      int[] sample =
          IntStream.concat(Arrays.stream(positive), Arrays.stream(negative)).sorted().toArray();
      int[] expected = Arrays.copyOf(sample, 260);
      Arrays.fill(expected, sample.length, 260, -1);
      assertArrayEquals(expected, tensors.ints(indices.rows(image, 1)), "image " + image);
      assertEquals(sample.length, tensors.ints(counts)[image]);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "1, 20000, 256, 0.5",
    "1, 9001, 3000, 0.25",
    "67, 33, 8, 0.5",
    "2, 40, 16, 0",
    "3, 5, 16, 1"
  })
  void samplesAnyNumberOfImagesAndBoxes(int images, int count, int size, float fraction) {
    Random random = new Random(count);
    int[] matches = random.ints((long) images * count, -2, 2).toArray();
    long[] seeds = random.longs(images).toArray();
    Tensor indices = tensors.intOutput(images, size);
    Tensor counts = tensors.intOutput(images);
    SampleSpec spec = new SampleSpec(size, fraction);
    backend
        .matching()
        .sampleBalanced(spec, tensors.ints(matches, images, count), seeds, indices, counts);
    for (int image = 0; image < images; image++) {
      int[] own = Arrays.copyOfRange(matches, image * count, (image + 1) * count);
      int[] positive = smallest(seeds[image], own, 0, (int) (size * fraction));
      int[] negative = smallest(seeds[image], own, -1, size - positive.length);
      int[] sample =
          IntStream.concat(Arrays.stream(positive), Arrays.stream(negative)).sorted().toArray();
      int[] expected = Arrays.copyOf(sample, size);
      Arrays.fill(expected, sample.length, size, -1);
      assertArrayEquals(expected, tensors.ints(indices.rows(image, 1)), "image " + image);
      assertEquals(sample.length, tensors.ints(counts)[image]);
    }
  }

  /** The candidates of one kind (matches if 0, else background) with the smallest keys. */
  private static int[] smallest(long seed, int[] matches, int kind, int most) {
    return IntStream.range(0, matches.length)
        .filter(i -> kind < 0 ? matches[i] == -1 : matches[i] >= 0)
        .boxed()
        .sorted(Comparator.comparingLong(i -> SampleKey.of(seed, i)))
        .limit(most)
        .mapToInt(i -> i)
        .toArray();
  }

  @Test
  void samplesFromNothing() {
    Tensor indices = tensors.intOutput(1, 4);
    Tensor counts = tensors.intOutput(1);
    Tensor matches = tensors.ints(new int[] {-2, -2}, 1, 2);
    backend
        .matching()
        .sampleBalanced(new SampleSpec(4, 0.25f), matches, new long[] {1}, indices, counts);
    assertArrayEquals(new int[] {-1, -1, -1, -1}, tensors.ints(indices));
    assertArrayEquals(new int[] {0}, tensors.ints(counts));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 10})
  void encodesAsTorchvisionDoes(int weight) {
    OracleFile oracle = OracleFile.ops();
    String name = "box_coder.encode." + weight;
    Tensor labels = tensors.intOutput(20);
    Tensor targets = tensors.floatOutput(20, 4);
    int[] each = IntStream.range(0, 20).toArray();
    backend
        .matching()
        .sampleTargets(
            weight == 1 ? BoxCoderSpec.UNIT : BoxCoderSpec.BOX_HEAD,
            tensors.floats(oracle.floats(name + ".in.proposals"), 1, 20, 4),
            tensors.ints(each, 1, 20),
            tensors.ints(each, 1, 20),
            tensors.floats(oracle.floats(name + ".in.reference"), 1, 20, 4),
            null,
            null,
            labels,
            targets);
    assertClose(oracle.floats(name + ".out.y"), tensors.floats(targets), 1e-5, name);
    int[] ones = new int[20];
    Arrays.fill(ones, 1);
    assertArrayEquals(ones, tensors.ints(labels));
  }

  @Test
  void aSampleLearnsItsObjectBackgroundOrNothing() {
    float[] boxes = {
      0, 0, 10, 10, 5, 5, 20, 20, 1, 2, 3, 4, 30, 30, 50, 50, 7, 7, 8, 8, 2, 2, 9, 9
    };
    Tensor rois = tensors.floatOutput(8, 5);
    Tensor labels = tensors.intOutput(8);
    Tensor targets = tensors.floatOutput(8, 4);
    backend
        .matching()
        .sampleTargets(
            BoxCoderSpec.UNIT,
            tensors.floats(boxes, 2, 3, 4),
            tensors.ints(new int[] {0, 1, -1, -1, 0, 2, -1, -1}, 2, 4),
            tensors.ints(new int[] {1, -1, -2, 0, -2, -1}, 2, 3),
            tensors.floats(
                new float[] {0, 0, 1, 1, 0, 0, 10, 20, 30, 30, 50, 50, 0, 0, 0, 0}, 2, 2, 4),
            tensors.ints(new int[] {3, 5, 7, -1}, 2, 2),
            rois,
            labels,
            targets);
    assertArrayEquals(new int[] {5, 0, -1, -1, 7, 0, -1, -1}, tensors.ints(labels));
    float[] expected = new float[32];
    expected[1] = 0.5f;
    expected[3] = (float) Math.log(2);
    assertClose(expected, tensors.floats(targets), 1e-6, "targets");
    float[] regions = {
      0, 0, 0, 10, 10, 0, 5, 5, 20, 20, -1, 0, 0, 0, 0, -1, 0, 0, 0, 0,
      1, 30, 30, 50, 50, 1, 2, 2, 9, 9, -1, 0, 0, 0, 0, -1, 0, 0, 0, 0
    };
    assertArrayEquals(regions, tensors.floats(rois));
  }
}

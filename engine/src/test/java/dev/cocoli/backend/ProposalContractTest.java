package dev.cocoli.backend;

import static dev.cocoli.testing.Differences.assertClose;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cocoli.backend.spec.BoxCoderSpec;
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

/** What top-k and decoding owe. */
class ProposalContractTest extends BackendContract {
  @Test
  void topKTakesEachLevelsBestTiesByIndex() {
    Random random = new Random(5);
    int[] sizes = {5000, 1200, 300, 70, 1};
    long[] k = {700, 700, 300, 69, 1};
    long[] offsets = new long[6];
    for (int level = 0; level < 5; level++) {
      offsets[level + 1] = offsets[level] + sizes[level];
    }
    int count = (int) offsets[5];
    float[] scores = new float[2 * count];
    for (int i = 0; i < scores.length; i++) {
      // few distinct values, both zeros and both signs, so that most have equals
      scores[i] = Math.round(random.nextGaussian() * 40) / 8f * (random.nextBoolean() ? 1 : -1);
    }
    scores[3] = Float.POSITIVE_INFINITY;
    scores[4] = Float.NEGATIVE_INFINITY;
    int total = (int) Arrays.stream(k).sum();
    Tensor indices = tensors.intOutput(2, total);
    backend.proposals().topK(tensors.floats(scores, 2, count), offsets, k, indices);

    int[] expected = new int[2 * total];
    int at = 0;
    for (int image = 0; image < 2; image++) {
      int row = image * count;
      for (int level = 0; level < 5; level++) {
        int[] best =
            IntStream.range((int) offsets[level], (int) offsets[level + 1])
                .boxed()
                // adding 0 makes the two zeros equal; the sort is stable
                .sorted(Comparator.comparingDouble(i -> -(scores[row + i] + 0f)))
                .mapToInt(i -> i)
                .limit(k[level])
                .toArray();
        System.arraycopy(best, 0, expected, at, best.length);
        at += best.length;
      }
    }
    assertArrayEquals(expected, tensors.ints(indices));
  }

  /** Enough for selection to look at a level several times, and results of more than one tile. */
  @ParameterizedTest
  @CsvSource({
    "20000, 2000, 0",
    "20000, 2048, 1",
    "12000, 4100, 2",
    "9000, 8999, 1",
    "8500, 8500, 3",
    "8193, 1, 0",
    "8192, 2049, 2",
    "2049, 2048, 1",
    "1, 1, 0"
  })
  void topKOfManyTakesTheSame(int size, int k, int kind) {
    Random random = new Random(size + kind);
    int images = 2;
    // two levels of which the second is what the case is about
    int count = 40 + size;
    float[] scores = new float[images * count];
    for (int i = 0; i < scores.length; i++) {
      scores[i] =
          switch (kind) {
            case 0 -> (float) random.nextGaussian();
            case 1 -> 0.5f + 1e-7f * random.nextInt(9); // as a new head scores
            case 2 -> random.nextInt(50) == 0 ? random.nextFloat() : -1; // mostly equal
            default -> -7; // all equal
          };
    }
    Tensor indices = tensors.intOutput(images, 3 + k);
    long[] offsets = {0, 40, count};
    backend
        .proposals()
        .topK(tensors.floats(scores, images, count), offsets, new long[] {3, k}, indices);
    int[] expected = new int[images * (3 + k)];
    for (int image = 0; image < images; image++) {
      int row = image * count;
      Comparator<Integer> falling = Comparator.comparingDouble(i -> -scores[row + i]);
      int[] first = IntStream.range(0, 40).boxed().sorted(falling).mapToInt(i -> i).toArray();
      int[] second = IntStream.range(40, count).boxed().sorted(falling).mapToInt(i -> i).toArray();
      System.arraycopy(first, 0, expected, image * (3 + k), 3);
      System.arraycopy(second, 0, expected, image * (3 + k) + 3, k);
    }
    assertArrayEquals(expected, tensors.ints(indices));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 10})
  void decodesAsTorchvisionDoes(int weight) {
    OracleFile oracle = OracleFile.ops();
    String name = "box_coder.decode." + weight;
    float[] reference = oracle.floats(name + ".in.proposals");
    float[] anchors = new float[3 * reference.length];
    for (int i = 0; i < anchors.length; i++) {
      anchors[i] = reference[i / 12 * 4 + i % 4];
    }
    Tensor boxes = tensors.floatOutput(1, 60, 4);
    Tensor scores = tensors.floatOutput(1, 60);
    backend
        .proposals()
        .decodeProposals(
            weight == 1 ? BoxCoderSpec.UNIT : BoxCoderSpec.BOX_HEAD,
            tensors.floats(oracle.floats(name + ".in.codes"), 1, 60, 4),
            tensors.floats(new float[60], 1, 60),
            tensors.floats(anchors, 60, 4),
            tensors.ints(IntStream.range(0, 60).toArray(), 1, 60),
            tensors.floats(new float[] {1e5f, 1e5f}, 1, 2),
            0,
            0,
            boxes,
            scores);
    float[] expected = oracle.floats(name + ".out.y");
    for (int i = 0; i < expected.length; i++) {
      expected[i] = Math.max(expected[i], 0);
    }
    assertClose(expected, tensors.floats(boxes), 1e-3, name);
  }

  @Test
  void dropsSmallAndUnlikelyProposalsAsTorchvisionDoes() {
    OracleFile oracle = OracleFile.resource("/oracle/regions.safetensors");
    JsonNode parameters = oracle.parameters("proposals");
    float height = parameters.get("image").get(0).asInt();
    float width = parameters.get("image").get(1).asInt();
    float[] deltas = oracle.floats("proposals.in.deltas");
    float[] logits = oracle.floats("proposals.in.logits");
    // image 0 is another one, so that image 1 has to find its own
    Tensor boxes = tensors.floatOutput(2, 300, 4);
    Tensor scores = tensors.floatOutput(2, 300);
    int[] indices = IntStream.range(0, 600).map(i -> i < 300 ? 299 - i : i - 300).toArray();
    backend
        .proposals()
        .decodeProposals(
            BoxCoderSpec.UNIT,
            tensors.floats(twice(new float[deltas.length], deltas), 2, 300, 4),
            tensors.floats(twice(new float[300], logits), 2, 300),
            tensors.floats(oracle.floats("proposals.in.anchors"), 300, 4),
            tensors.ints(indices, 2, 300),
            tensors.floats(new float[] {10, 10, height, width}, 2, 2),
            (float) parameters.get("min_size").asDouble(),
            (float) parameters.get("min_score").asDouble(),
            boxes,
            scores);
    assertClose(
        oracle.floats("proposals.out.boxes"), tensors.floats(boxes.rows(1, 1)), 1e-4, "boxes");
    assertClose(
        oracle.floats("proposals.out.scores"), tensors.floats(scores.rows(1, 1)), 1e-6, "scores");
  }

  @Test
  void dropsProposalsThatAreNoNumbers() {
    Tensor boxes = tensors.floatOutput(1, 3, 4);
    Tensor scores = tensors.floatOutput(1, 3);
    backend
        .proposals()
        .decodeProposals(
            BoxCoderSpec.UNIT,
            tensors.floats(new float[] {Float.NaN, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 1, 3, 4),
            tensors.floats(new float[] {2, Float.NaN, 2}, 1, 3),
            tensors.floats(new float[] {0, 0, 9, 9, 0, 0, 9, 9, 0, 0, 9, 9}, 3, 4),
            tensors.ints(new int[] {0, 1, 2}, 1, 3),
            tensors.floats(new float[] {20, 20}, 1, 2),
            1e-3f,
            0,
            boxes,
            scores);
    float[] written = tensors.floats(scores);
    assertEquals(-1, written[0]);
    assertEquals(-1, written[1]);
    assertEquals(1 / (1 + Math.exp(-2)), written[2], 1e-6);
  }

  @Test
  void findsWhatTorchvisionsBoxHeadFinds() {
    OracleFile oracle = OracleFile.resource("/oracle/regions.safetensors");
    JsonNode parameters = oracle.parameters("detections");
    int[] regions = {60, 40};
    float[] rois = new float[2 * 60 * 5];
    float[] logits = new float[2 * 60 * 6];
    float[] deltas = new float[2 * 60 * 24];
    float[] allLogits = oracle.floats("detections.in.logits");
    float[] allDeltas = oracle.floats("detections.in.deltas");
    for (int r = 0; r < 120; r++) {
      int image = r / 60;
      int region = r % 60;
      rois[5 * r] = region < regions[image] ? image : -1;
      if (region < regions[image]) {
        float[] corners = oracle.floats("detections.in.rois" + image);
        System.arraycopy(corners, 4 * region, rois, 5 * r + 1, 4);
        // image 1's rows follow image 0's sixty without padding
        System.arraycopy(allLogits, 6 * r, logits, 6 * r, 6);
        System.arraycopy(allDeltas, 24 * r, deltas, 24 * r, 24);
      }
    }
    float[] sizes = new float[4];
    for (int i = 0; i < 4; i++) {
      sizes[i] = parameters.get("images").get(i / 2).get(i % 2).asInt();
    }
    Tensor boxes = tensors.floatOutput(2, 300, 4);
    Tensor scores = tensors.floatOutput(2, 300);
    backend
        .proposals()
        .decodeDetections(
            BoxCoderSpec.BOX_HEAD,
            tensors.floats(logits, 2, 60, 6),
            tensors.floats(deltas, 2, 60, 24),
            tensors.floats(rois, 2, 60, 5),
            tensors.floats(sizes, 2, 2),
            (float) parameters.get("min_size").asDouble(),
            (float) parameters.get("score").asDouble(),
            boxes,
            scores);
    int[] groups = IntStream.range(0, 300).map(i -> i % 5 + 1).toArray();
    int wanted = parameters.get("per_image").asInt();
    Tensor indices = tensors.intOutput(2, wanted);
    Tensor counts = tensors.intOutput(2);
    float iou = (float) parameters.get("nms").asDouble();
    backend.proposals().nms(iou, boxes, scores, tensors.ints(groups), indices, counts);

    for (int image = 0; image < 2; image++) {
      float[] expectedScores = oracle.floats("detections.out.scores" + image);
      int[] labels = oracle.ints("detections.out.labels" + image);
      assertEquals(labels.length, tensors.ints(counts)[image], "detections in image " + image);
      int[] kept = Arrays.copyOfRange(tensors.ints(indices), image * wanted, (image + 1) * wanted);
      float[] foundBoxes = new float[4 * labels.length];
      float[] foundScores = new float[labels.length];
      for (int i = 0; i < labels.length; i++) {
        assertEquals(labels[i], groups[kept[i]], "label of detection " + i);
        foundScores[i] = tensors.floats(scores)[image * 300 + kept[i]];
        System.arraycopy(tensors.floats(boxes), 4 * (image * 300 + kept[i]), foundBoxes, 4 * i, 4);
      }
      assertClose(expectedScores, foundScores, 1e-6, "scores in image " + image);
      assertClose(oracle.floats("detections.out.boxes" + image), foundBoxes, 1e-4, "boxes");
    }
  }

  private static float[] twice(float[] first, float[] second) {
    float[] both = Arrays.copyOf(first, first.length + second.length);
    System.arraycopy(second, 0, both, first.length, second.length);
    return both;
  }
}

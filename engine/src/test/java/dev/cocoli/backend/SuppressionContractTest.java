package dev.cocoli.backend;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

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

/** What non-maximum suppression owes. */
class SuppressionContractTest extends BackendContract {
  /** Against the definition, box by box, at sizes around those of warps, tiles and chunks. */
  @ParameterizedTest
  @CsvSource({
    "1, 1, 1",
    "31, 1, 40",
    "33, 2, 33",
    "64, 1, 64",
    "65, 40, 65",
    "1023, 3, 500",
    "1025, 1, 1025",
    "2049, 90, 300",
    "1900, 4, 60",
    "3500, 6, 400",
    "5000, 5, 700"
  })
  void keepsWhatNoKeptBoxSuppresses(int count, int groupCount, int wanted) {
    Random random = new Random(count);
    int images = count > 2000 ? 1 : 2;
    float[] corners = boxes(random, images * count, 90, 70);
    float[] scores = new float[images * count];
    for (int i = 0; i < scores.length; i++) {
      // few values, so that many are equal; some do not take part
      scores[i] = random.nextInt(9) == 0 ? -1 : random.nextInt(300) / 300f;
    }
    int[] groups = IntStream.range(0, count).map(i -> random.nextInt(groupCount) - 3).toArray();
    Tensor indices = tensors.intOutput(images, wanted);
    Tensor counts = tensors.intOutput(images);
    backend
        .proposals()
        .nms(
            0.4f,
            tensors.floats(corners, images, count, 4),
            tensors.floats(scores, images, count),
            tensors.ints(groups, count),
            indices,
            counts);
    for (int image = 0; image < images; image++) {
      int row = image * count;
      int[] order =
          IntStream.range(0, count)
              .filter(i -> scores[row + i] >= 0)
              .boxed()
              .sorted(Comparator.comparingDouble(i -> -scores[row + i]))
              .mapToInt(i -> i)
              .toArray();
      int[] expected = new int[wanted];
      int kept = 0;
      for (int box : order) {
        boolean stays = kept < wanted;
        for (int i = 0; i < kept && stays; i++) {
          stays =
              groups[expected[i]] != groups[box]
                  || iou(corners, row + expected[i], row + box) <= 0.4f;
        }
        if (stays) {
          expected[kept++] = box;
        }
      }
      Arrays.fill(expected, kept, wanted, -1);
      assertArrayEquals(expected, tensors.ints(indices.rows(image, 1)), "image " + image);
      assertEquals(kept, tensors.ints(counts)[image]);
    }
  }

  private static float iou(float[] boxes, int one, int other) {
    float[] a = Arrays.copyOfRange(boxes, 4 * one, 4 * one + 4);
    float[] b = Arrays.copyOfRange(boxes, 4 * other, 4 * other + 4);
    float width = Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0]));
    float height = Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
    float joint = width * height;
    return joint / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - joint);
  }

  @ParameterizedTest
  @ValueSource(strings = {"nms", "batched_nms"})
  void keepsWhatTorchvisionKeeps(String name) {
    OracleFile oracle = OracleFile.ops();
    int[] groups =
        oracle.has(name + ".in.groups") ? oracle.ints(name + ".in.groups") : new int[200];
    assertKept(
        oracle.ints(name + ".out.y"),
        (float) oracle.parameters(name).get("iou").asDouble(),
        oracle.floats(name + ".in.boxes"),
        oracle.floats(name + ".in.scores"),
        groups,
        200);
  }

  @ParameterizedTest
  @ValueSource(ints = {1200, 100, 1})
  void keepsTheBestOfEachGroup(int wanted) {
    OracleFile oracle = OracleFile.resource("/oracle/regions.safetensors");
    assertKept(
        oracle.ints("nms.out.y"),
        0.5f,
        oracle.floats("nms.in.boxes"),
        oracle.floats("nms.in.scores"),
        oracle.ints("nms.in.groups"),
        wanted);
  }

  private void assertKept(
      int[] all, float iou, float[] boxes, float[] scores, int[] groups, int wanted) {
    int count = scores.length;
    Tensor indices = tensors.intOutput(1, wanted);
    Tensor counts = tensors.intOutput(1);
    backend
        .proposals()
        .nms(
            iou,
            tensors.floats(boxes, 1, count, 4),
            tensors.floats(scores, 1, count),
            tensors.ints(groups),
            indices,
            counts);
    int kept = Math.min(wanted, all.length);
    int[] expected = Arrays.copyOf(all, wanted);
    Arrays.fill(expected, kept, wanted, -1);
    assertArrayEquals(expected, tensors.ints(indices));
    assertArrayEquals(new int[] {kept}, tensors.ints(counts));
  }

  /** A box goes if the IoU, rounded as torchvision rounds it, is above the threshold. */
  @Test
  void theThresholdIsExact() {
    Random random = new Random(71);
    for (int pair = 0; pair < 100; pair++) {
      float width = 1 + 50 * random.nextFloat();
      float height = 1 + 50 * random.nextFloat();
      float right = width * (0.5f + random.nextFloat());
      float bottom = height * (0.5f + random.nextFloat());
      float[] boxes = {0, 0, width, height, 0, 0, right, bottom};
      float intersection = Math.min(width, right) * Math.min(height, bottom);
      float iou = intersection / (width * height + right * bottom - intersection);
      float[] scores = {0.9f, 0.8f};
      int[] groups = {0, 0};
      assertKept(new int[] {0, 1}, iou, boxes, scores, groups, 2);
      assertKept(new int[] {0}, Math.nextDown(iou), boxes, scores, groups, 2);
    }
  }

  @Test
  void groupsMayHaveAnyNumber() {
    float[] boxes = new float[4 * 4];
    for (int i = 0; i < 4; i++) {
      boxes[4 * i + 2] = 10;
      boxes[4 * i + 3] = 10;
    }
    // the same boxes: one stays of each group
    assertKept(
        new int[] {1, 0, 3},
        0.5f,
        boxes,
        new float[] {0.5f, 0.9f, 0.4f, 0.1f},
        new int[] {-7, Integer.MAX_VALUE, Integer.MAX_VALUE, 1017},
        4);
  }

  @Test
  void negativeScoresTakeNoPart() {
    Tensor indices = tensors.intOutput(3, 2);
    Tensor counts = tensors.intOutput(3);
    float[] boxes = new float[3 * 2 * 4];
    Arrays.fill(boxes, 1);
    backend
        .proposals()
        .nms(
            0.5f,
            tensors.floats(boxes, 3, 2, 4),
            tensors.floats(new float[] {-1, -1, -1, 0, 0.5f, 0.5f}, 3, 2),
            tensors.ints(new int[] {0, 1}),
            indices,
            counts);
    assertArrayEquals(new int[] {-1, -1, 1, -1, 0, 1}, tensors.ints(indices));
    assertArrayEquals(new int[] {0, 1, 2}, tensors.ints(counts));
  }

  @Test
  void suppressionTakesNoBoxes() {
    Tensor indices = tensors.intOutput(1, 3);
    Tensor counts = tensors.intOutput(1);
    Tensor none = tensors.floats(new float[0], 1, 0);
    backend
        .proposals()
        .nms(0.5f, none.reshape(1, 0, 4), none, tensors.ints(new int[0], 0), indices, counts);
    assertArrayEquals(new int[] {-1, -1, -1}, tensors.ints(indices));
    assertArrayEquals(new int[] {0}, tensors.ints(counts));
  }
}

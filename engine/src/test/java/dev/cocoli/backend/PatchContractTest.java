package dev.cocoli.backend;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.cocoli.backend.spec.PatchSpec;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.testing.BackendContract;
import dev.cocoli.testing.Bf16;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What cutting patches around anchors and adding their gradients up owe. */
class PatchContractTest extends BackendContract {
  private static final int IMAGES = 2;
  private static final int PER_LOCATION = 3;

  /** Height and width of each level; the last is smaller than the window. */
  private static final int[][] SIZES = {{7, 9}, {4, 5}, {2, 1}};

  private final Random random = new Random(17);

  private static int anchorsPerImage() {
    return Arrays.stream(SIZES).mapToInt(size -> size[0] * size[1]).sum() * PER_LOCATION;
  }

  /** Distinct anchors of each image in no order, all at the end replaced by none. */
  private int[] sample(int perImage, int none) {
    int[] anchors = new int[IMAGES * perImage];
    for (int image = 0; image < IMAGES; image++) {
      List<Integer> all = new ArrayList<>();
      for (int anchor = 0; anchor < anchorsPerImage(); anchor++) {
        all.add(anchor);
      }
      java.util.Collections.shuffle(all, random);
      for (int i = 0; i < perImage; i++) {
        anchors[image * perImage + i] = i < perImage - none ? all.get(i) : -1;
      }
    }
    return anchors;
  }

  private float[][] maps(int channels) {
    float[][] maps = new float[SIZES.length][];
    for (int level = 0; level < SIZES.length; level++) {
      maps[level] =
          Bf16.round(values(random, IMAGES * SIZES[level][0] * SIZES[level][1] * channels));
    }
    return maps;
  }

  private List<Tensor> upload(float[][] maps, int channels, boolean bf16) {
    List<Tensor> tensors = new ArrayList<>();
    for (int level = 0; level < maps.length; level++) {
      long[] dims = {IMAGES, SIZES[level][0], SIZES[level][1], channels};
      tensors.add(
          bf16 ? this.tensors.bfloats(maps[level], dims) : this.tensors.floats(maps[level], dims));
    }
    return tensors;
  }

  /** Called with each channel of each patch and its place in a map; -1 where there is none. */
  private interface Place {
    void at(int patchElement, int level, int mapElement);
  }

  private static void eachPlace(int window, int channels, int[] anchors, Place place) {
    int perImage = anchors.length / IMAGES;
    int element = 0;
    for (int i = 0; i < anchors.length; i++) {
      int level = 0;
      int rest = anchors[i];
      while (rest >= 0 && rest >= SIZES[level][0] * SIZES[level][1] * PER_LOCATION) {
        rest -= SIZES[level][0] * SIZES[level][1] * PER_LOCATION;
        level++;
      }
      int height = SIZES[level][0];
      int width = SIZES[level][1];
      for (int y = -window / 2; y <= window / 2; y++) {
        for (int x = -window / 2; x <= window / 2; x++) {
          int row = rest / PER_LOCATION / width + y;
          int column = rest / PER_LOCATION % width + x;
          boolean inside =
              anchors[i] >= 0 && row >= 0 && row < height && column >= 0 && column < width;
          for (int c = 0; c < channels; c++) {
            int from = ((i / perImage * height + row) * width + column) * channels + c;
            place.at(element++, level, inside ? from : -1);
          }
        }
      }
    }
  }

  /** Window, channels, samples per image, how many of them are none. */
  @ParameterizedTest
  @CsvSource({"3,8,40,5", "3,3,1,0", "1,4,12,3", "5,16,30,2", "3,8,255,0", "3,5,6,6"})
  void gathersAndAddsUp(int window, int channels, int perImage, int none) {
    gatherAndAddUp(window, channels, perImage, none, DType.F32);
  }

  /** The same in BF16. */
  @ParameterizedTest
  @CsvSource({"3,8,40,5", "3,3,9,0", "5,16,30,2", "3,8,255,0"})
  void gathersAndAddsUpInBf16(int window, int channels, int perImage, int none) {
    Bf16.assume(backend);
    gatherAndAddUp(window, channels, perImage, none, DType.BF16);
  }

  private void gatherAndAddUp(int window, int channels, int perImage, int none, DType type) {
    boolean bf16 = type == DType.BF16;
    PatchSpec spec = new PatchSpec(window, PER_LOCATION);
    int[] anchors = sample(perImage, none);
    float[][] maps = maps(channels);
    int count = anchors.length * window * window * channels;
    float[] expected = new float[count];
    eachPlace(
        window,
        channels,
        anchors,
        (element, level, from) -> expected[element] = from < 0 ? 0 : maps[level][from]);
    float[] unwritten = new float[count];
    Arrays.fill(unwritten, Float.NaN);
    long[] dims = {anchors.length, window, window, channels};
    Tensor patches = bf16 ? tensors.bfloats(unwritten, dims) : tensors.floats(unwritten, dims);
    Tensor slots = tensors.intOutput(anchors.length, 1);
    Tensor numbers = tensors.ints(anchors, IMAGES, perImage);
    backend.patches().gatherPatches(spec, upload(maps, channels, bf16), numbers, patches, slots);
    assertArrayEquals(expected, tensors.floats(patches));
    int[] expectedSlots = Arrays.stream(anchors).map(a -> a < 0 ? -1 : a % PER_LOCATION).toArray();
    assertArrayEquals(expectedSlots, tensors.ints(slots));

    float[] gradient = Bf16.round(values(random, count));
    float[][] before = maps(channels);
    double[][] sums = new double[before.length][];
    for (int level = 0; level < before.length; level++) {
      sums[level] = new double[before[level].length];
    }
    eachPlace(
        window,
        channels,
        anchors,
        (element, level, into) -> {
          if (into >= 0) {
            sums[level][into] += gradient[element];
          }
        });
    List<Tensor> dMaps = upload(before, channels, bf16);
    Tensor dPatches = bf16 ? tensors.bfloats(gradient, dims) : tensors.floats(gradient, dims);
    backend.patches().gatherPatchesBackward(spec, dPatches, numbers, dMaps);
    for (int level = 0; level < before.length; level++) {
      float[] actual = tensors.floats(dMaps.get(level));
      for (int i = 0; i < actual.length; i++) {
        double sum = before[level][i] + sums[level][i];
        // rounded once: half the distance of neighbours
        double allowed = bf16 ? Math.abs(sum) * 1.01 / 256 + 1e-5 : 1e-5;
        assertEquals(sum, actual[i], allowed, "level " + level + ", element " + i);
      }
    }
  }

  @Test
  void addsTheSameBitsAgain() {
    PatchSpec spec = new PatchSpec(3, PER_LOCATION);
    int[] anchors = sample(200, 0);
    float[] gradient = values(random, anchors.length * 9 * 8);
    float[] first = null;
    for (int run = 0; run < 3; run++) {
      List<Tensor> dMaps =
          upload(
              new float[][] {
                new float[7 * 9 * 8 * 2], new float[4 * 5 * 8 * 2], new float[2 * 8 * 2]
              },
              8,
              false);
      backend
          .patches()
          .gatherPatchesBackward(
              spec,
              tensors.floats(gradient, anchors.length, 3, 3, 8),
              tensors.ints(anchors, IMAGES, 200),
              dMaps);
      float[] now = tensors.floats(dMaps.getFirst());
      first = first == null ? now : first;
      assertArrayEquals(first, now, 0f);
    }
  }
}

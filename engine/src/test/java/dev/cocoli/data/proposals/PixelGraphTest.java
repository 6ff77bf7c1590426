package dev.cocoli.data.proposals;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.testing.OracleFile;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Compares the segments with scikit-image's, pixel by pixel, for the same smoothed image. {@code
 * proposals/segments.py} has made the reference.
 */
class PixelGraphTest {
  private static final OracleFile ORACLE = OracleFile.resource("/proposals/segments.safetensors");

  @ParameterizedTest
  @CsvSource({"10, 1", "50, 50", "100, 100", "300, 20"})
  void segmentsAreThoseOfScikitImage(int scale, int minSize) {
    int[][] channels = smoothed();
    assertSegments(channels, scale, minSize, "");
    assertSegments(Arrays.copyOf(channels, 1), scale, minSize, ".grey");
  }

  private static void assertSegments(int[][] channels, int scale, int minSize, String suffix) {
    long[] shape = ORACLE.shape("smoothed");
    Segmentation found =
        PixelGraph.of(channels, (int) shape[2], (int) shape[1])
            .segment(scale * GaussianFilter.GREY_LEVEL, minSize);
    int[] expected = ORACLE.ints("labels.%d.%d%s".formatted(scale, minSize, suffix));
    assertArrayEquals(renumbered(expected), found.labels());
    assertEquals(Arrays.stream(found.labels()).max().orElseThrow() + 1, found.count());
  }

  /** Numbers segments by their first pixels, as {@link Segmentation} does. */
  private static int[] renumbered(int[] labels) {
    int[] numbers = new int[labels.length];
    int count = 0;
    int[] renumbered = new int[labels.length];
    for (int i = 0; i < labels.length; i++) {
      if (numbers[labels[i]] == 0) {
        numbers[labels[i]] = ++count;
      }
      renumbered[i] = numbers[labels[i]] - 1;
    }
    return renumbered;
  }

  private static int[][] smoothed() {
    int[] all = ORACLE.ints("smoothed");
    int pixels = all.length / 3;
    return new int[][] {
      Arrays.copyOfRange(all, 0, pixels),
      Arrays.copyOfRange(all, pixels, 2 * pixels),
      Arrays.copyOfRange(all, 2 * pixels, 3 * pixels)
    };
  }

  @Test
  void strongestEdgesDivideAndWeakestJoin() {
    // 0 and 4080 are black and white, as far apart as three channels get
    int[] stripe = {0, 0, 4080, 4080, 0, 0};
    int[][] channels = {stripe, stripe, stripe};
    assertArrayEquals(
        new int[] {0, 0, 1, 1, 2, 2}, PixelGraph.of(channels, 6, 1).segment(800, 1).labels());
    assertArrayEquals(
        new int[] {0, 0, 1, 1, 2, 2}, PixelGraph.of(channels, 1, 6).segment(800, 2).labels());
    assertEquals(1, PixelGraph.of(channels, 6, 1).segment(800, 3).count());
  }

  @Test
  void onePixelIsASegment() {
    Segmentation one = PixelGraph.of(new int[][] {{7}}, 1, 1).segment(800, 50);
    assertArrayEquals(new int[] {0}, one.labels());
    assertTrue(one.count() == 1);
  }
}

package dev.cocoli.data.proposals;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.testing.OracleFile;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Checks that each step merges the most similar neighbours, with a slow implementation of the
 * paper's section 4.2.2, which computes the similarity of every two neighbours from their pixels
 * before every step.
 */
class RegionGroupingTest {
  private static final OracleFile ORACLE = OracleFile.resource("/proposals/segments.safetensors");
  private static final int WIDTH = (int) ORACLE.shape("rgb")[1];
  private static final int HEIGHT = (int) ORACLE.shape("rgb")[0];
  private static final int PIXELS = WIDTH * HEIGHT;

  /**
   * Fractions are truncated to integers: 315 bins of 2^-24, and as many again for the other pair.
   */
  private static final double ROUNDING = 4e-5;

  private static final byte[][] CHANNELS = ColourSpace.HSV.planes(ORACLE.unsignedBytes("rgb"));
  private static final byte[][] TEXTURES = TexturePlanes.of(CHANNELS, WIDTH, HEIGHT);

  @ParameterizedTest
  @EnumSource(Similarity.class)
  void joinsTheMostAlikeNeighbours(Similarity similarity) {
    Segmentation segments = segments(100, 12);
    assertTrue(segments.count() > 15, "too few to tell: " + segments.count());
    RegionFeatures features = new RegionFeatures(segments, WIDTH, HEIGHT, CHANNELS, TEXTURES);
    RegionGrouping grouping = RegionGrouping.of(features, similarity, PIXELS);
    int[][] parts = grouping.parts();
    assertEquals(2 * segments.count() - 1, parts[0].length);
    List<BitSet> regions = new ArrayList<>();
    for (int i = 0; i < segments.count(); i++) {
      regions.add(new BitSet(PIXELS));
    }
    for (int i = 0; i < PIXELS; i++) {
      regions.get(segments.labels()[i]).set(i);
    }
    for (int joined = segments.count(); joined < parts[0].length; joined++) {
      BitSet one = regions.get(parts[0][joined]);
      BitSet other = regions.get(parts[1][joined]);
      double best = mostAlike(regions, similarity);
      assertTrue(touch(one, other), "region " + joined + " is not of neighbours");
      assertEquals(best, likeness(one, other, similarity), ROUNDING, "region " + joined);
      BitSet both = (BitSet) one.clone();
      both.or(other);
      regions.set(parts[0][joined], null);
      regions.set(parts[1][joined], null);
      regions.add(both);
      assertArrayEquals(box(both), boxOf(grouping, joined));
    }
    assertEquals(PIXELS, regions.getLast().cardinality());
  }

  @Test
  void aSegmentAloneIsItsOwnGrouping() {
    Segmentation one = new Segmentation(new int[PIXELS], 1);
    RegionFeatures features = new RegionFeatures(one, WIDTH, HEIGHT, CHANNELS, TEXTURES);
    int[][] boxes = RegionGrouping.of(features, Similarity.SIZE, PIXELS).boxes();
    assertArrayEquals(new int[][] {{0}, {0}, {WIDTH}, {HEIGHT}}, boxes);
  }

  private static Segmentation segments(int scale, int minSize) {
    GaussianFilter filter = new GaussianFilter(WIDTH, HEIGHT);
    int[][] smoothed = new int[CHANNELS.length][];
    for (int c = 0; c < smoothed.length; c++) {
      smoothed[c] = filter.smooth(CHANNELS[c], 0.8);
    }
    return PixelGraph.of(smoothed, WIDTH, HEIGHT)
        .segment(scale * GaussianFilter.GREY_LEVEL, minSize);
  }

  private static double mostAlike(List<BitSet> regions, Similarity similarity) {
    double most = Double.NEGATIVE_INFINITY;
    for (int i = 0; i < regions.size(); i++) {
      for (int j = i + 1; j < regions.size(); j++) {
        BitSet one = regions.get(i);
        BitSet other = regions.get(j);
        if (one != null && other != null && touch(one, other)) {
          most = Math.max(most, likeness(one, other, similarity));
        }
      }
    }
    return most;
  }

  private static boolean touch(BitSet one, BitSet other) {
    return one.stream()
        .anyMatch(
            pixel ->
                pixel % WIDTH > 0 && other.get(pixel - 1)
                    || pixel % WIDTH < WIDTH - 1 && other.get(pixel + 1)
                    || pixel >= WIDTH && other.get(pixel - WIDTH)
                    || other.get(pixel + WIDTH));
  }

  private static double likeness(BitSet one, BitSet other, Similarity similarity) {
    double sum = 0;
    if (similarity.colour) {
      sum += intersection(colours(one), colours(other));
    }
    if (similarity.texture) {
      sum += intersection(textures(one), textures(other));
    }
    double sizes = one.cardinality() + other.cardinality();
    if (similarity.size) {
      sum += 1 - sizes / PIXELS;
    }
    if (similarity.fill) {
      BitSet both = (BitSet) one.clone();
      both.or(other);
      int[] box = box(both);
      sum += 1 - ((box[2] - box[0]) * (box[3] - box[1]) - sizes) / PIXELS;
    }
    return sum;
  }

  private static double intersection(double[] one, double[] other) {
    double sum = 0;
    for (int i = 0; i < one.length; i++) {
      sum += Math.min(one[i], other[i]);
    }
    return sum;
  }

  /** 25 bins for each channel; all of them sum to 1. */
  private static double[] colours(BitSet region) {
    double[] shares = new double[25 * CHANNELS.length];
    double share = 1.0 / (region.cardinality() * CHANNELS.length);
    for (int c = 0; c < CHANNELS.length; c++) {
      int first = 25 * c;
      byte[] channel = CHANNELS[c];
      region.stream().forEach(i -> shares[first + (channel[i] & 0xFF) * 25 / 256] += share);
    }
    return shares;
  }

  /** 10 bins for each of 8 orientations of each channel; all of them sum to 1. */
  private static double[] textures(BitSet region) {
    double[] shares = new double[2 * 10 * TEXTURES.length];
    double share = 1.0 / (region.cardinality() * 2 * TEXTURES.length);
    for (int plane = 0; plane < TEXTURES.length; plane++) {
      for (int sign = 0; sign < 2; sign++) {
        int first = 10 * (2 * plane + sign);
        int factor = sign == 0 ? 1 : -1;
        byte[] bins = TEXTURES[plane];
        region.stream().forEach(i -> shares[first + Math.max(0, factor * bins[i])] += share);
      }
    }
    return shares;
  }

  private static int[] box(BitSet region) {
    return new int[] {
      region.stream().map(i -> i % WIDTH).min().orElseThrow(),
      region.stream().map(i -> i / WIDTH).min().orElseThrow(),
      region.stream().map(i -> i % WIDTH).max().orElseThrow() + 1,
      region.stream().map(i -> i / WIDTH).max().orElseThrow() + 1
    };
  }

  private static int[] boxOf(RegionGrouping grouping, int region) {
    int[][] boxes = grouping.boxes();
    return new int[] {boxes[0][region], boxes[1][region], boxes[2][region], boxes[3][region]};
  }
}

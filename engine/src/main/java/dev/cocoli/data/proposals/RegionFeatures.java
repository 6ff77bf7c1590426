package dev.cocoli.data.proposals;

import java.util.Arrays;

/**
 * The features of the segments with which grouping begins: sizes, boxes, histograms of colour and
 * texture, and the pairs of neighbours. It is immutable; groupings copy it.
 */
final class RegionFeatures {
  /** The number of colour bins per channel (Uijlings et al., section 4.2.2). */
  private static final int COLOUR_BINS = 25;

  private static final int ORIENTATION_BINS = TexturePlanes.ORIENTATIONS * TexturePlanes.BINS;

  /** The pixels of each segment, and its box: columns x1 to x2 - 1, rows y1 to y2 - 1. */
  final int[] sizes;

  final int[] x1;
  final int[] y1;
  final int[] x2;
  final int[] y2;

  /** The count of each colour bin, [regions, colourLength]; below that of each texture bin. */
  final int[] colours;

  final int colourLength;
  final int[] textures;
  final int textureLength;

  /** Pairs of segments with a common edge of pixels: lower number times 2^32, plus the higher. */
  final long[] neighbours;

  /**
   * Collects the features of the segments.
   *
   * @param channels the colours [channels][height x width]
   * @param texturePlanes the result of {@link TexturePlanes} for them
   */
  RegionFeatures(
      Segmentation segments, int width, int height, byte[][] channels, byte[][] texturePlanes) {
    int count = segments.count();
    int[] labels = segments.labels();
    sizes = new int[count];
    x1 = new int[count];
    y1 = new int[count];
    x2 = new int[count];
    y2 = new int[count];
    colourLength = channels.length * COLOUR_BINS;
    textureLength = channels.length * ORIENTATION_BINS;
    colours = new int[Math.multiplyExact(count, colourLength)];
    textures = new int[Math.multiplyExact(count, textureLength)];
    measure(labels, width, height);
    for (int c = 0; c < channels.length; c++) {
      countColours(labels, channels[c], c * COLOUR_BINS);
    }
    for (int plane = 0; plane < texturePlanes.length; plane++) {
      countTextures(labels, texturePlanes[plane], 2 * plane * TexturePlanes.BINS);
    }
    neighbours = neighbours(labels, width, height);
  }

  int count() {
    return sizes.length;
  }

  private void measure(int[] labels, int width, int height) {
    Arrays.fill(x1, width);
    Arrays.fill(y1, height);
    for (int y = 0, at = 0; y < height; y++) {
      for (int x = 0; x < width; x++, at++) {
        int region = labels[at];
        sizes[region]++;
        x1[region] = Math.min(x1[region], x);
        x2[region] = Math.max(x2[region], x + 1);
        y1[region] = Math.min(y1[region], y);
        y2[region] = y + 1;
      }
    }
  }

  private void countColours(int[] labels, byte[] channel, int offset) {
    for (int i = 0; i < labels.length; i++) {
      int bin = (channel[i] & 0xFF) * COLOUR_BINS >> 8;
      colours[labels[i] * colourLength + offset + bin]++;
    }
  }

  /** Counts one orientation's bins, followed by those of the opposite orientation. */
  private void countTextures(int[] labels, byte[] plane, int offset) {
    for (int i = 0; i < labels.length; i++) {
      int bin = plane[i];
      if (bin != 0) {
        int place = bin > 0 ? bin : TexturePlanes.BINS - bin;
        textures[labels[i] * textureLength + offset + place]++;
      }
    }
    // most pixels are in the lowest bin, whose count follows from the others
    for (int region = 0; region < sizes.length; region++) {
      for (int half = 0; half < 2; half++) {
        int first = region * textureLength + offset + half * TexturePlanes.BINS;
        int rest = sizes[region];
        for (int bin = 1; bin < TexturePlanes.BINS; bin++) {
          rest -= textures[first + bin];
        }
        textures[first] = rest;
      }
    }
  }

  private static long[] neighbours(int[] labels, int width, int height) {
    long[] pairs = new long[64];
    int count = 0;
    for (int y = 0, at = 0; y < height; y++) {
      long lastRight = -1;
      long lastBelow = -1;
      for (int x = 0; x < width; x++, at++) {
        if (count + 2 > pairs.length) {
          pairs = Arrays.copyOf(pairs, 2 * pairs.length);
        }
        if (x + 1 < width && labels[at] != labels[at + 1]) {
          long pair = pair(labels[at], labels[at + 1]);
          if (pair != lastRight) {
            pairs[count++] = pair;
            lastRight = pair;
          }
        }
        if (y + 1 < height && labels[at] != labels[at + width]) {
          long pair = pair(labels[at], labels[at + width]);
          if (pair != lastBelow) {
            pairs[count++] = pair;
            lastBelow = pair;
          }
        }
      }
    }
    Arrays.sort(pairs, 0, count);
    int distinct = 0;
    for (int i = 0; i < count; i++) {
      if (i == 0 || pairs[i] != pairs[i - 1]) {
        pairs[distinct++] = pairs[i];
      }
    }
    return Arrays.copyOf(pairs, distinct);
  }

  private static long pair(int one, int other) {
    return (long) Math.min(one, other) << 32 | Math.max(one, other);
  }
}

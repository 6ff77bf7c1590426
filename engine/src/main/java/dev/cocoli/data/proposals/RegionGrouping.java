package dev.cocoli.data.proposals;

import java.util.Arrays;

/**
 * Merges the two most similar neighbouring regions again and again until one is left (Uijlings et
 * al., section 4.1, algorithm 1). Similarities are integers, 2^24 for one; of equally similar
 * pairs, the one found first is merged first.
 */
final class RegionGrouping {
  private static final int ONE = 1 << 24;

  private final Similarity similarity;
  private final long pixels;

  /** The sizes of all past and present regions: segments first, then merged ones in order. */
  private final int[] sizes;

  private final int[] x1;
  private final int[] y1;
  private final int[] x2;
  private final int[] y2;
  private final int[] parents;
  private final int[][] neighbours;

  /** The two regions that a merged region consists of; 0 for segments. */
  private final int[] ones;

  private final int[] others;

  /** The index of a region's histograms; a merged region takes that of one of its parts. */
  private final int[] slots;

  private final Histograms colours;
  private final Histograms textures;

  /** The two regions of each pair of neighbours. */
  private int[] firsts;

  private int[] seconds;
  private int pairs;
  private final LongHeap queue;

  /** The merged region among whose neighbours a region was last seen. */
  private final int[] seen;

  private RegionGrouping(RegionFeatures segments, Similarity similarity, long pixels) {
    this.similarity = similarity;
    this.pixels = pixels;
    int count = segments.count();
    int all = 2 * count - 1;
    sizes = Arrays.copyOf(segments.sizes, all);
    x1 = Arrays.copyOf(segments.x1, all);
    y1 = Arrays.copyOf(segments.y1, all);
    x2 = Arrays.copyOf(segments.x2, all);
    y2 = Arrays.copyOf(segments.y2, all);
    parents = new int[all];
    ones = new int[all];
    others = new int[all];
    slots = new int[all];
    seen = new int[all];
    for (int i = 0; i < all; i++) {
      parents[i] = i;
      slots[i] = i;
    }
    neighbours = new int[all][];
    colours =
        similarity.colour ? new Histograms(segments.colours, segments.colourLength, ONE) : null;
    textures =
        similarity.texture ? new Histograms(segments.textures, segments.textureLength, ONE) : null;
    int edges = segments.neighbours.length;
    firsts = new int[Math.max(16, 2 * edges)];
    seconds = new int[firsts.length];
    queue = new LongHeap(firsts.length);
    connect(segments.neighbours, count);
  }

  /**
   * Groups segments.
   *
   * @param segments the segments to begin with
   * @param similarity the measure of similarity
   * @param pixels the number of pixels of the image
   */
  static RegionGrouping of(RegionFeatures segments, Similarity similarity, long pixels) {
    RegionGrouping grouping = new RegionGrouping(segments, similarity, pixels);
    grouping.run(segments.count());
    return grouping;
  }

  /**
   * Returns the boxes of all regions, those of the segments first and that of the whole image last:
   * x1, y1, x2, y2 [4][regions].
   */
  int[][] boxes() {
    return new int[][] {x1, y1, x2, y2};
  }

  /** Returns the two parts of each region, [2][regions], both 0 for segments. */
  int[][] parts() {
    return new int[][] {ones, others};
  }

  private void connect(long[] touching, int count) {
    int[] degrees = new int[count];
    for (long pair : touching) {
      degrees[(int) (pair >>> 32)]++;
      degrees[(int) pair]++;
    }
    for (int i = 0; i < count; i++) {
      neighbours[i] = new int[degrees[i]];
    }
    for (long pair : touching) {
      int one = (int) (pair >>> 32);
      int other = (int) pair;
      neighbours[one][--degrees[one]] = other;
      neighbours[other][--degrees[other]] = one;
      enqueue(one, other);
    }
  }

  private void run(int count) {
    for (int joined = count; joined < sizes.length; ) {
      int pair = (int) queue.removeLeast();
      int one = firsts[pair];
      int other = seconds[pair];
      if (parents[one] == one && parents[other] == other) {
        join(one, other, joined);
        joined++;
      }
    }
  }

  private void join(int one, int other, int joined) {
    ones[joined] = one;
    others[joined] = other;
    parents[one] = joined;
    parents[other] = joined;
    sizes[joined] = sizes[one] + sizes[other];
    x1[joined] = Math.min(x1[one], x1[other]);
    y1[joined] = Math.min(y1[one], y1[other]);
    x2[joined] = Math.max(x2[one], x2[other]);
    y2[joined] = Math.max(y2[one], y2[other]);
    slots[joined] = slots[one];
    if (colours != null) {
      colours.add(slots[one], slots[other]);
    }
    if (textures != null) {
      textures.add(slots[one], slots[other]);
    }
    int[] around = new int[neighbours[one].length + neighbours[other].length];
    int count = addNeighbours(joined, neighbours[one], around, 0);
    count = addNeighbours(joined, neighbours[other], around, count);
    neighbours[joined] = Arrays.copyOf(around, count);
    neighbours[one] = null;
    neighbours[other] = null;
    for (int i = 0; i < count; i++) {
      enqueue(around[i], joined);
    }
  }

  private int addNeighbours(int joined, int[] from, int[] around, int count) {
    int to = count;
    for (int was : from) {
      int region = alive(was);
      if (region != joined && seen[region] != joined) {
        seen[region] = joined; // numbers of joined regions are never 0
        around[to++] = region;
      }
    }
    return to;
  }

  /** The current region that contains a region. */
  private int alive(int region) {
    int at = region;
    while (parents[at] != at) {
      parents[at] = parents[parents[at]];
      at = parents[at];
    }
    return at;
  }

  private void enqueue(int one, int other) {
    if (pairs == firsts.length) {
      firsts = Arrays.copyOf(firsts, 2 * pairs);
      seconds = Arrays.copyOf(seconds, 2 * pairs);
    }
    firsts[pairs] = one;
    seconds[pairs] = other;
    queue.add((long) (4 * ONE - likeness(one, other)) << 32 | pairs);
    pairs++;
  }

  private int likeness(int one, int other) {
    long sum = 0;
    if (colours != null) {
      sum += colours.intersection(slots[one], slots[other]);
    }
    if (textures != null) {
      sum += textures.intersection(slots[one], slots[other]);
    }
    long together = (long) sizes[one] + sizes[other];
    if (similarity.size) {
      sum += ONE - together * ONE / pixels;
    }
    if (similarity.fill) {
      long width = Math.max(x2[one], x2[other]) - Math.min(x1[one], x1[other]);
      long height = Math.max(y2[one], y2[other]) - Math.min(y1[one], y1[other]);
      sum += ONE - (width * height - together) * ONE / pixels;
    }
    return (int) sum;
  }

  /** A binary heap of numbers with the smallest on top. */
  private static final class LongHeap {
    private long[] values;
    private int count;

    LongHeap(int capacity) {
      values = new long[Math.max(1, capacity)];
    }

    void add(long value) {
      if (count == values.length) {
        values = Arrays.copyOf(values, 2 * count);
      }
      int at = count++;
      while (at > 0) {
        int above = (at - 1) >>> 1;
        if (values[above] <= value) {
          break;
        }
        values[at] = values[above];
        at = above;
      }
      values[at] = value;
    }

    long removeLeast() {
      long least = values[0];
      long moved = values[--count];
      int at = 0;
      for (int below = 1; below < count; below = 2 * at + 1) {
        if (below + 1 < count && values[below + 1] < values[below]) {
          below++;
        }
        if (moved <= values[below]) {
          break;
        }
        values[at] = values[below];
        at = below;
      }
      values[at] = moved;
      return least;
    }
  }
}

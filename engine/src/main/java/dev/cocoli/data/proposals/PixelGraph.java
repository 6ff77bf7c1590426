package dev.cocoli.data.proposals;

/**
 * Segments an image as Felzenszwalb and Huttenlocher do (Efficient Graph-Based Image Segmentation,
 * IJCV 2004, section 3). Edges connect each pixel with its eight neighbours. In the order of
 * increasing difference, an edge joins the segments of its two pixels unless it is much stronger
 * than the edges inside either. In: smoothed channels [channels][height x width]. The edges are
 * sorted once for all scales.
 */
final class PixelGraph {
  private static final int DIGIT_BITS = 9;
  private static final int DIGITS = 1 << DIGIT_BITS;
  private static final int DIGIT_MASK = DIGITS - 1;

  /** The low bits of an edge: one of the four directions, and the pixel at which it begins. */
  private static final int PLACE_BITS = 34;

  private static final int PIXEL_BITS = 32;

  private final int pixels;
  private final int[] steps;

  /** The edges, weakest first; of equal ones, the one that comes first in the image. */
  private final long[] edges;

  private PixelGraph(int pixels, int[] steps, long[] edges) {
    this.pixels = pixels;
    this.steps = steps;
    this.edges = edges;
  }

  /**
   * Sorts the edges.
   *
   * @param channels the values of each channel, 0 to 2^12
   */
  static PixelGraph of(int[][] channels, int width, int height) {
    int pixels = width * height;
    int[] steps = {1, width, width + 1, width - 1};
    int w = width;
    int h = height;
    long count = (long) (w - 1) * h + (long) w * (h - 1) + 2L * (w - 1) * (h - 1);
    long[] edges = new long[Math.toIntExact(count)];
    int[] weights = new int[pixels];
    int to = 0;
    for (int direction = 0; direction < steps.length; direction++) {
      int firstColumn = direction == 3 ? 1 : 0;
      int columns = direction == 1 ? w : w - 1;
      int rows = direction == 0 ? h : h - 1;
      weigh(channels, steps[direction], weights);
      for (int y = 0; y < rows; y++) {
        int from = y * w + firstColumn;
        for (int pixel = from; pixel < from + columns; pixel++) {
          edges[to++] =
              (long) weights[pixel] << PLACE_BITS | (long) direction << PIXEL_BITS | pixel;
        }
      }
    }
    return new PixelGraph(pixels, steps, sorted(edges));
  }

  /**
   * Computes the squared difference of each pixel and the one {@code step} after it, where there is
   * one.
   */
  private static void weigh(int[][] channels, int step, int[] weights) {
    // a single channel counts three times, so that a scale means the same in every colour space
    int times = channels.length == 1 ? 3 : 1;
    for (int c = 0; c < channels.length; c++) {
      int[] values = channels[c];
      int last = values.length - step;
      if (c == 0) {
        for (int i = 0; i < last; i++) {
          int difference = values[i] - values[i + step];
          weights[i] = times * difference * difference;
        }
      } else {
        for (int i = 0; i < last; i++) {
          int difference = values[i] - values[i + step];
          weights[i] += difference * difference;
        }
      }
    }
  }

  /** Sorts by weight by radix, from the lowest digit; each pass keeps the order of equals. */
  private static long[] sorted(long[] edges) {
    long most = 0;
    for (long edge : edges) {
      most = Math.max(most, edge);
    }
    long[] from = edges;
    long[] to = new long[edges.length];
    for (int shift = PLACE_BITS; most >>> shift != 0; shift += DIGIT_BITS) {
      int[] starts = new int[DIGITS + 1];
      for (long edge : from) {
        starts[(int) (edge >>> shift & DIGIT_MASK) + 1]++;
      }
      for (int digit = 0; digit < DIGITS; digit++) {
        starts[digit + 1] += starts[digit];
      }
      for (long edge : from) {
        to[starts[(int) (edge >>> shift & DIGIT_MASK)]++] = edge;
      }
      long[] swapped = from;
      from = to;
      to = swapped;
    }
    return from;
  }

  /**
   * Joins pixels.
   *
   * @param scale the paper's k, in the channels' units: the larger, the larger the segments
   * @param minSize segments of fewer pixels are joined with the most similar neighbour
   */
  Segmentation segment(double scale, int minSize) {
    int[] parents = new int[pixels];
    int[] sizes = new int[pixels];
    // the strongest edge that may join a segment: its largest inner difference plus k divided by
    // its size
    double[] limits = new double[pixels];
    for (int i = 0; i < pixels; i++) {
      parents[i] = i;
      sizes[i] = 1;
      limits[i] = scale;
    }
    for (long edge : edges) {
      int pixel = (int) edge;
      int one = root(parents, pixel);
      int other = root(parents, pixel + steps[(int) (edge >>> PIXEL_BITS) & 3]);
      if (one != other) {
        double weight = Math.sqrt(edge >>> PLACE_BITS);
        if (weight < Math.min(limits[one], limits[other])) {
          int joined = join(parents, sizes, one, other);
          limits[joined] = weight + scale / sizes[joined];
        }
      }
    }
    for (long edge : edges) {
      int pixel = (int) edge;
      int one = root(parents, pixel);
      int other = root(parents, pixel + steps[(int) (edge >>> PIXEL_BITS) & 3]);
      if (one != other && Math.min(sizes[one], sizes[other]) < minSize) {
        join(parents, sizes, one, other);
      }
    }
    return Segmentation.ofRoots(parents);
  }

  private static int root(int[] parents, int pixel) {
    int at = pixel;
    int parent = parents[at];
    while (parent != at) {
      int next = parents[parent];
      parents[at] = next;
      at = next;
      parent = parents[at];
    }
    return at;
  }

  private static int join(int[] parents, int[] sizes, int one, int other) {
    int large = sizes[one] >= sizes[other] ? one : other;
    int small = one + other - large;
    parents[small] = large;
    sizes[large] += sizes[small];
    return large;
  }
}

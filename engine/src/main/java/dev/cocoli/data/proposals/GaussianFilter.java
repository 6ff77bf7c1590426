package dev.cocoli.data.proposals;

import java.util.Arrays;

/**
 * Smooths a channel with a Gaussian, or differentiates it along x or y; the image is mirrored at
 * its edges. It uses integers only, so that every processor gives the same result. In: bytes
 * [height x width]; out: sixteenths of a grey level.
 */
final class GaussianFilter {
  /** The value of one of the 255 grey levels in the results. */
  static final int GREY_LEVEL = 16;

  private static final int RADIUS = 3;
  private static final int TAPS = 2 * RADIUS + 1;

  /** The bits of fraction of weights, of values between the two passes, and of results. */
  private static final int WEIGHT_BITS = 12;

  private static final int MIDDLE_BITS = 8;
  private static final int RESULT_BITS = Integer.numberOfTrailingZeros(GREY_LEVEL);

  private final int width;
  private final int height;

  GaussianFilter(int width, int height) {
    this.width = width;
    this.height = height;
  }

  /** Smooths. */
  int[] smooth(byte[] plane, double sigma) {
    int[] weights = gaussian(sigma);
    return filter(plane, weights, weights);
  }

  /** Differentiates along x: the increase of brightness to the right, per pixel. */
  int[] deriveAlongX(byte[] plane, double sigma) {
    return filter(plane, derivative(sigma), gaussian(sigma));
  }

  /** Differentiates along y: the increase of brightness downwards, per pixel. */
  int[] deriveAlongY(byte[] plane, double sigma) {
    return filter(plane, gaussian(sigma), derivative(sigma));
  }

  private int[] filter(byte[] plane, int[] alongX, int[] alongY) {
    int[] middle = new int[plane.length];
    int[] padded = new int[width + 2 * RADIUS];
    int[] sums = new int[width];
    for (int y = 0; y < height; y++) {
      int row = y * width;
      for (int i = 0; i < padded.length; i++) {
        padded[i] = plane[row + mirrored(i - RADIUS, width)] & 0xFF;
      }
      Arrays.fill(sums, 1 << (WEIGHT_BITS - MIDDLE_BITS - 1));
      for (int tap = 0; tap < TAPS; tap++) {
        addWeighted(sums, padded, tap, alongX[tap]);
      }
      for (int x = 0; x < width; x++) {
        middle[row + x] = sums[x] >> WEIGHT_BITS - MIDDLE_BITS;
      }
    }
    int shift = WEIGHT_BITS + MIDDLE_BITS - RESULT_BITS;
    int[] result = new int[plane.length];
    for (int y = 0; y < height; y++) {
      Arrays.fill(sums, 1 << (shift - 1));
      for (int tap = 0; tap < TAPS; tap++) {
        addWeighted(sums, middle, mirrored(y + tap - RADIUS, height) * width, alongY[tap]);
      }
      for (int x = 0, to = y * width; x < width; x++, to++) {
        result[to] = sums[x] >> shift;
      }
    }
    return result;
  }

  private static void addWeighted(int[] sums, int[] from, int offset, int weight) {
    for (int x = 0; x < sums.length; x++) {
      sums[x] += weight * from[offset + x];
    }
  }

  /** The index that an index outside the image mirrors: c b a | a b c | c b a. */
  private static int mirrored(int at, int size) {
    int within = Math.floorMod(at, 2 * size);
    return Math.min(within, 2 * size - 1 - within);
  }

  private static int[] gaussian(double sigma) {
    double[] values = new double[TAPS];
    double sum = 0;
    for (int i = 0; i < TAPS; i++) {
      values[i] = bell(i - RADIUS, sigma);
      sum += values[i];
    }
    int[] weights = new int[TAPS];
    int rest = 1 << WEIGHT_BITS;
    for (int i = 0; i < TAPS; i++) {
      weights[i] = (int) StrictMath.rint(values[i] / sum * (1 << WEIGHT_BITS));
      rest -= weights[i];
    }
    weights[RADIUS] += rest; // the sum is exact: a plain area keeps its colour
    return weights;
  }

  private static int[] derivative(double sigma) {
    double sum = 0;
    for (int i = -RADIUS; i <= RADIUS; i++) {
      sum += bell(i, sigma);
    }
    int[] weights = new int[TAPS];
    for (int i = -RADIUS; i <= RADIUS; i++) {
      double slope = i / (sigma * sigma) * bell(i, sigma) / sum;
      weights[i + RADIUS] = (int) StrictMath.rint(slope * (1 << WEIGHT_BITS));
    }
    return weights;
  }

  private static double bell(int at, double sigma) {
    return StrictMath.exp(-0.5 * at * at / (sigma * sigma));
  }
}

package dev.cocoli.data.proposals;

/**
 * Computes Gaussian derivatives of each channel in eight orientations and sorts them into ten bins
 * (Uijlings et al., section 4.2.2). Opposite orientations share a plane: where one is positive, the
 * other is zero. In: channels [channels][height x width]; out: bins -9 to 9 [channels * 4][height x
 * width].
 */
final class TexturePlanes {
  static final int BINS = 10;
  static final int ORIENTATIONS = 8;
  private static final int SIGNED_ORIENTATIONS = ORIENTATIONS / 2;
  private static final double SIGMA = 1;

  /** The square root of one half, with 16 bits of fraction. */
  private static final int DIAGONAL = 46341;

  private TexturePlanes() {}

  static byte[][] of(byte[][] channels, int width, int height) {
    GaussianFilter filter = new GaussianFilter(width, height);
    byte[][] planes = new byte[channels.length * SIGNED_ORIENTATIONS][];
    for (int c = 0; c < channels.length; c++) {
      int[] x = filter.deriveAlongX(channels[c], SIGMA);
      int[] y = filter.deriveAlongY(channels[c], SIGMA);
      int[] down = new int[x.length];
      int[] up = new int[x.length];
      for (int i = 0; i < x.length; i++) {
        down[i] = (x[i] + y[i]) * DIAGONAL >> 16;
        up[i] = (x[i] - y[i]) * DIAGONAL >> 16;
      }
      int to = c * SIGNED_ORIENTATIONS;
      planes[to] = binned(x);
      planes[to + 1] = binned(y);
      planes[to + 2] = binned(down);
      planes[to + 3] = binned(up);
    }
    return planes;
  }

  /** Sorts derivatives into bins; the strongest derivative of the orientation sets their width. */
  private static byte[] binned(int[] derivatives) {
    int most = 0;
    int least = 0;
    for (int value : derivatives) {
      most = Math.max(most, value);
      least = Math.min(least, value);
    }
    byte[] bins = new byte[most - least + 1];
    for (int value = least; value <= most; value++) {
      bins[value - least] =
          (byte) (value >= 0 ? value * BINS / (most + 1) : -(-value * BINS / (1 - least)));
    }
    byte[] plane = new byte[derivatives.length];
    for (int i = 0; i < plane.length; i++) {
      plane[i] = bins[derivatives[i] - least];
    }
    return plane;
  }
}

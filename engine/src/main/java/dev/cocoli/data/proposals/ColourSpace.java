package dev.cocoli.data.proposals;

/**
 * Converts an image to another colour space, each channel scaled to 0 to 255. Each space is
 * invariant to other changes of light (Uijlings et al., section 4.2.1 and table 1).
 */
enum ColourSpace {
  /** Hue, saturation, value. */
  HSV(3) {
    @Override
    void convert(int red, int green, int blue, byte[][] planes, int at) {
      int most = Math.max(red, Math.max(green, blue));
      int range = most - Math.min(red, Math.min(green, blue));
      planes[0][at] = (byte) hue(red, green, blue);
      planes[1][at] = (byte) (most == 0 ? 0 : (2 * 255 * range + most) / (2 * most));
      planes[2][at] = (byte) most;
    }
  },
  /** CIE L*a*b*, of sRGB and the white of D65. */
  LAB(3) {
    @Override
    void convert(int red, int green, int blue, byte[][] planes, int at) {
      CieLab.convert(red, green, blue, planes, at);
    }
  },
  /** The fractions of red and green in the sum of the channels, and intensity. */
  RGI(3) {
    @Override
    void convert(int red, int green, int blue, byte[][] planes, int at) {
      int sum = Math.max(1, red + green + blue);
      planes[0][at] = (byte) ((2 * 255 * red + sum) / (2 * sum));
      planes[1][at] = (byte) ((2 * 255 * green + sum) / (2 * sum));
      planes[2][at] = (byte) intensity(red, green, blue);
    }
  },
  /** Hue alone. */
  HUE(1) {
    @Override
    void convert(int red, int green, int blue, byte[][] planes, int at) {
      planes[0][at] = (byte) hue(red, green, blue);
    }
  },
  /** Grey. */
  INTENSITY(1) {
    @Override
    void convert(int red, int green, int blue, byte[][] planes, int at) {
      planes[0][at] = (byte) intensity(red, green, blue);
    }
  };

  private final int channels;

  ColourSpace(int channels) {
    this.channels = channels;
  }

  abstract void convert(int red, int green, int blue, byte[][] planes, int at);

  /** Returns the channels [channels][height x width] of RGB bytes [height, width, 3]. */
  byte[][] planes(byte[] rgb) {
    byte[][] planes = new byte[channels][rgb.length / 3];
    for (int from = 0, at = 0; from < rgb.length; from += 3, at++) {
      convert(rgb[from] & 0xFF, rgb[from + 1] & 0xFF, rgb[from + 2] & 0xFF, planes, at);
    }
    return planes;
  }

  /** The angle on the colour circle, 255 for the full circle; 0 for greys. */
  private static int hue(int red, int green, int blue) {
    int most = Math.max(red, Math.max(green, blue));
    int range = most - Math.min(red, Math.min(green, blue));
    if (range == 0) {
      return 0;
    }
    // in sixths of the circle, times the range
    int angle;
    if (most == red) {
      angle = green - blue + (green < blue ? 6 * range : 0);
    } else if (most == green) {
      angle = blue - red + 2 * range;
    } else {
      angle = red - green + 4 * range;
    }
    return (2 * 255 * angle + 6 * range) / (12 * range);
  }

  /** The luma of ITU-R BT.601, with 16 bits of fraction. */
  private static int intensity(int red, int green, int blue) {
    return 19595 * red + 38470 * green + 7471 * blue + 32768 >> 16;
  }
}

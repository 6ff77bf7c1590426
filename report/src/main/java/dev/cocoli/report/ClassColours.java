package dev.cocoli.report;

import java.awt.Color;

/** Chooses a colour per class, visible on most images and unlike those of adjacent labels. */
final class ClassColours {

  private static final int[] FIRST = {
    0xff4b4b, 0x2f9bff, 0x37d45c, 0xffc31f, 0xc76bff, 0x1fe0d6, 0xff8a2b, 0xff6fc4, 0xa6e22e,
    0x8f9bff
  };

  /** The golden ratio as a fraction of the colour circle: multiples of it stay far apart. */
  private static final float GOLDEN_TURN = 0.618034f;

  private ClassColours() {}

  static Color of(int label) {
    int index = Math.max(0, label - 1);
    if (index < FIRST.length) {
      return new Color(FIRST[index]);
    }
    float hue = index * GOLDEN_TURN % 1;
    return Color.getHSBColor(hue, index % 2 == 0 ? 0.85f : 0.6f, 1);
  }

  /** Black or white, whichever is easier to read on the colour. */
  static Color textOn(Color colour) {
    double luminance =
        0.299 * colour.getRed() + 0.587 * colour.getGreen() + 0.114 * colour.getBlue();
    return luminance > 140 ? Color.BLACK : Color.WHITE;
  }
}

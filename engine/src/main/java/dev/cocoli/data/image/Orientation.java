package dev.cocoli.data.image;

/**
 * The eight orientations of EXIF (tag 0x0112, TIFF 6.0 page 36), which say how the stored rows and
 * columns are to be shown. 1 is upright; from 5 on, width and height are exchanged.
 */
final class Orientation {

  static final int UPRIGHT = 1;

  /** Where metadata give no orientation. */
  static final int NONE = 0;

  private Orientation() {}

  static boolean swapsSides(int orientation) {
    return orientation >= 5;
  }

  /**
   * Turns stored RGB bytes [height, width, 3] into the bytes to show, which are [width, height, 3]
   * if width and height are exchanged.
   */
  static byte[] apply(int orientation, byte[] rgb, int height, int width) {
    if (orientation == UPRIGHT) {
      return rgb;
    }
    int shownHeight = swapsSides(orientation) ? width : height;
    int shownWidth = swapsSides(orientation) ? height : width;
    byte[] shown = new byte[rgb.length];
    for (int y = 0, to = 0; y < shownHeight; y++) {
      for (int x = 0; x < shownWidth; x++, to += 3) {
        int column =
            switch (orientation) {
              case 2, 3 -> width - 1 - x;
              case 4 -> x;
              case 5, 6 -> y;
              default -> width - 1 - y;
            };
        int row =
            switch (orientation) {
              case 2 -> y;
              case 3, 4 -> height - 1 - y;
              case 5, 8 -> x;
              default -> height - 1 - x;
            };
        int from = 3 * (row * width + column);
        shown[to] = rgb[from];
        shown[to + 1] = rgb[from + 1];
        shown[to + 2] = rgb[from + 2];
      }
    }
    return shown;
  }

  /**
   * Reads the orientation from a TIFF structure, the body of an EXIF block. Returns {@link #NONE}
   * if there is none, or if the metadata cannot be read, so that the image can still be used.
   */
  static int ofTiff(byte[] bytes, int offset) {
    return new TiffFile(bytes, offset).orientation();
  }

  /** Returns a value of the tag, or {@link #NONE} if it is none of the eight. */
  static int checked(long value) {
    return value >= 1 && value <= 8 ? (int) value : NONE;
  }
}

package dev.cocoli.data.proposals;

/**
 * A smaller copy of an image, each pixel the mean of a square of the original.
 *
 * @param rgb bytes [height, width, 3]
 * @param width columns
 * @param height rows
 */
record ReducedImage(byte[] rgb, int width, int height) {

  /**
   * Reduces an image.
   *
   * @param rgb bytes [height, width, 3]
   * @param factor the side of a square; squares at the right and lower edge may be cut; 1 copies
   *     nothing and takes the image as it is
   */
  static ReducedImage of(byte[] rgb, int width, int height, int factor) {
    if (factor == 1) {
      return new ReducedImage(rgb, width, height);
    }
    int columns = (width + factor - 1) / factor;
    int rows = (height + factor - 1) / factor;
    byte[] reduced = new byte[3 * columns * rows];
    for (int y = 0, to = 0; y < rows; y++) {
      int bottom = Math.min(height, (y + 1) * factor);
      for (int x = 0; x < columns; x++) {
        int right = Math.min(width, (x + 1) * factor);
        int area = (bottom - y * factor) * (right - x * factor);
        for (int channel = 0; channel < 3; channel++) {
          int sum = area / 2;
          for (int row = y * factor; row < bottom; row++) {
            for (int column = x * factor; column < right; column++) {
              sum += rgb[3 * (row * width + column) + channel] & 0xFF;
            }
          }
          reduced[to++] = (byte) (sum / area);
        }
      }
    }
    return new ReducedImage(reduced, columns, rows);
  }
}

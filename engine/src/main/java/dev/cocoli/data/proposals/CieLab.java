package dev.cocoli.data.proposals;

/**
 * Converts sRGB to CIE L*a*b* in bytes: L times 2.55, a and b plus 128, as in 8-bit images. It uses
 * tables and integers only, so that every processor gives the same result.
 */
final class CieLab {
  /** sRGB to XYZ, each row divided by its sum, the white of D65 (IEC 61966-2-1), times 2^16. */
  private static final int[][] MATRIX = {
    {28439, 24656, 12441},
    {13938, 46868, 4730},
    {1164, 7174, 57198},
  };

  private static final int LINEAR_ONE = 1 << 12;
  private static final int ROOT_ONE = 1 << 12;

  /** The linear light of each sRGB byte, 4096 for white. */
  private static final int[] LINEAR = new int[256];

  /** CIE's f of each linear value, times 4096. */
  private static final int[] ROOT = new int[LINEAR_ONE + 1];

  static {
    for (int i = 0; i < LINEAR.length; i++) {
      double value = i / 255.0;
      double light =
          value <= 0.04045 ? value / 12.92 : StrictMath.pow((value + 0.055) / 1.055, 2.4);
      LINEAR[i] = (int) StrictMath.rint(light * LINEAR_ONE);
    }
    double small = 216.0 / 24389; // CIE 15:2004, where the root gives way to a line
    for (int i = 0; i < ROOT.length; i++) {
      double light = (double) i / LINEAR_ONE;
      double root = light > small ? StrictMath.cbrt(light) : (24389.0 / 27 * light + 16) / 116;
      ROOT[i] = (int) StrictMath.rint(root * ROOT_ONE);
    }
  }

  private CieLab() {}

  static void convert(int red, int green, int blue, byte[][] planes, int at) {
    int r = LINEAR[red];
    int g = LINEAR[green];
    int b = LINEAR[blue];
    int x = ROOT[light(MATRIX[0], r, g, b)];
    int y = ROOT[light(MATRIX[1], r, g, b)];
    int z = ROOT[light(MATRIX[2], r, g, b)];
    planes[0][at] = rounded((116 * y - 16 * ROOT_ONE) * 255 / 100);
    planes[1][at] = rounded(500 * (x - y) + 128 * ROOT_ONE);
    planes[2][at] = rounded(200 * (y - z) + 128 * ROOT_ONE);
  }

  private static int light(int[] row, int red, int green, int blue) {
    return row[0] * red + row[1] * green + row[2] * blue + 32768 >> 16;
  }

  private static byte rounded(int value) {
    return (byte) Math.clamp((value + ROOT_ONE / 2) / ROOT_ONE, 0, 255);
  }
}

package dev.cocoli.data.proposals;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.testing.OracleFile;
import org.junit.jupiter.api.Test;

/** Compares the conversions with scikit-image's and OpenCV's on a grid of 512 colours. */
class ColourSpaceTest {
  private static final OracleFile ORACLE = OracleFile.resource("/proposals/segments.safetensors");
  private static final byte[] GRID = ORACLE.unsignedBytes("grid");

  /** Rounding changes a value by up to half a level. */
  private static final double ROUNDING = 0.5 + 1e-4;

  @Test
  void hsv() {
    assertChannels(ColourSpace.HSV, ORACLE.floats("grid.hsv"), 3, ROUNDING);
    byte[][] hsv = ColourSpace.HSV.planes(GRID);
    assertEquals(1, ColourSpace.HUE.planes(GRID).length);
    org.junit.jupiter.api.Assertions.assertArrayEquals(hsv[0], ColourSpace.HUE.planes(GRID)[0]);
  }

  @Test
  void lab() {
    // light has 12 bits before the root, so that colours near black differ by a level or two
    assertChannels(ColourSpace.LAB, ORACLE.floats("grid.lab"), 3, 2);
    assertTrue(meanDifference(ColourSpace.LAB, ORACLE.floats("grid.lab"), 3) < 0.3);
    assertTrue(meanDifference(ColourSpace.LAB, ORACLE.floats("grid.lab.opencv"), 3) < 0.3);
  }

  @Test
  void sharesAndIntensity() {
    byte[][] planes = ColourSpace.RGI.planes(GRID);
    assertChannels(ColourSpace.RGI, ORACLE.floats("grid.rg"), 2, ROUNDING);
    float[] intensity = ORACLE.floats("grid.intensity");
    byte[] alone = ColourSpace.INTENSITY.planes(GRID)[0];
    for (int i = 0; i < intensity.length; i++) {
      assertEquals(intensity[i], alone[i] & 0xFF, 1); // OpenCV rounds with 14 bits
      assertEquals(alone[i], planes[2][i]);
    }
  }

  private static void assertChannels(
      ColourSpace space, float[] expected, int channels, double tolerance) {
    byte[][] planes = space.planes(GRID);
    for (int i = 0; i < expected.length; i++) {
      int pixel = i / channels;
      int value = planes[i % channels][pixel] & 0xFF;
      assertEquals(expected[i], value, tolerance, "channel " + i % channels + " of " + pixel);
    }
  }

  private static double meanDifference(ColourSpace space, float[] expected, int channels) {
    byte[][] planes = space.planes(GRID);
    double sum = 0;
    for (int i = 0; i < expected.length; i++) {
      sum += Math.abs(expected[i] - (planes[i % channels][i / channels] & 0xFF));
    }
    return sum / expected.length;
  }
}

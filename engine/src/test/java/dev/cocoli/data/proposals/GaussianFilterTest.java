package dev.cocoli.data.proposals;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.cocoli.testing.OracleFile;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/**
 * Compares the filters with SciPy's, up to a sixteenth of a grey level and the weight of the fourth
 * pixel.
 */
class GaussianFilterTest {
  private static final OracleFile ORACLE = OracleFile.resource("/proposals/segments.safetensors");

  @Test
  void smooths() {
    assertClose("smooth", filter().smooth(red(), 0.8), 0.1);
  }

  @Test
  void derives() {
    assertClose("along_x", filter().deriveAlongX(red(), 1), 0.25);
    assertClose("along_y", filter().deriveAlongY(red(), 1), 0.25);
  }

  @Test
  void plainAreasStayAsTheyAre() {
    byte[] plane = new byte[15];
    Arrays.fill(plane, (byte) 201);
    int[] expected = new int[15];
    Arrays.fill(expected, 201 * GaussianFilter.GREY_LEVEL);
    assertArrayEquals(expected, new GaussianFilter(5, 3).smooth(plane, 0.8));
    assertArrayEquals(expected, new GaussianFilter(15, 1).smooth(plane, 0.8));
    assertArrayEquals(new int[15], new GaussianFilter(1, 15).deriveAlongX(plane, 1));
    assertArrayEquals(new int[15], new GaussianFilter(1, 15).deriveAlongY(plane, 1));
  }

  private static GaussianFilter filter() {
    long[] shape = ORACLE.shape("rgb");
    return new GaussianFilter((int) shape[1], (int) shape[0]);
  }

  private static byte[] red() {
    byte[] rgb = ORACLE.unsignedBytes("rgb");
    byte[] red = new byte[rgb.length / 3];
    for (int i = 0; i < red.length; i++) {
      red[i] = rgb[3 * i];
    }
    return red;
  }

  private static void assertClose(String name, int[] found, double tolerance) {
    float[] expected = ORACLE.floats(name);
    for (int i = 0; i < expected.length; i++) {
      assertEquals(expected[i], (double) found[i] / GaussianFilter.GREY_LEVEL, tolerance);
    }
  }
}

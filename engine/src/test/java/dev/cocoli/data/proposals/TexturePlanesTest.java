package dev.cocoli.data.proposals;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.cocoli.testing.OracleFile;
import java.util.stream.DoubleStream;
import org.junit.jupiter.api.Test;

/**
 * Compares the bins with those of SciPy's Gaussian derivatives, rotated by each eighth of the
 * circle.
 */
class TexturePlanesTest {
  private static final OracleFile ORACLE = OracleFile.resource("/proposals/segments.safetensors");

  @Test
  void binsAreThoseOfTheTurnedDerivatives() {
    int height = (int) ORACLE.shape("rgb")[0];
    int width = (int) ORACLE.shape("rgb")[1];
    byte[] rgb = ORACLE.unsignedBytes("rgb");
    byte[] red = new byte[width * height];
    for (int i = 0; i < red.length; i++) {
      red[i] = rgb[3 * i];
    }
    byte[][] planes = TexturePlanes.of(new byte[][] {red}, width, height);
    float[] x = ORACLE.floats("along_x");
    float[] y = ORACLE.floats("along_y");
    assertEquals(4, planes.length);
    double[] angles = {0, 90, 45, -45};
    for (int plane = 0; plane < planes.length; plane++) {
      double cos = Math.cos(Math.toRadians(angles[plane]));
      double sin = Math.sin(Math.toRadians(angles[plane]));
      double[] turned = new double[x.length];
      for (int i = 0; i < x.length; i++) {
        turned[i] = cos * x[i] + sin * y[i];
      }
      assertBins(turned, planes[plane], angles[plane]);
    }
  }

  private static void assertBins(double[] derivatives, byte[] bins, double angle) {
    double most = DoubleStream.of(derivatives).max().orElseThrow();
    double least = DoubleStream.of(derivatives).min().orElseThrow();
    int others = 0;
    for (int i = 0; i < bins.length; i++) {
      double share = derivatives[i] >= 0 ? derivatives[i] / most : -derivatives[i] / least;
      int expected = Math.clamp((int) (share * TexturePlanes.BINS), -9, 9);
      // a value at the edge of a bin may fall into the next
      assertEquals(expected, bins[i], 1, "pixel " + i + ", angle " + angle);
      others += expected == bins[i] ? 0 : 1;
    }
    assertEquals(0, others, bins.length / 25.0, "angle " + angle);
  }

  @Test
  void plainAreasHaveNone() {
    for (byte[] plane : TexturePlanes.of(new byte[][] {new byte[6], new byte[6]}, 3, 2)) {
      assertArrayEquals(new byte[6], plane);
    }
  }
}

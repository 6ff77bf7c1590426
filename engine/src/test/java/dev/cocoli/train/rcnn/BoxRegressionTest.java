package dev.cocoli.train.rcnn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.cocoli.structures.Box;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The regression of boxes: its targets, and that what it finds is the minimum. */
class BoxRegressionTest {
  private static final int WIDTH = 7;

  @Test
  void targetsAreThePapersEquations() {
    // P = (10, 20) to (30, 60); G = (14, 10) to (54, 50): centres (20, 40), (34, 30)
    double[] targets = BoxRegression.targets(new Box(10, 20, 30, 60), new Box(14, 10, 54, 50));
    assertArrayEquals(new double[] {0.7, -0.25, Math.log(2), 0}, targets, 1e-12);
  }

  @Test
  void nothingSeenMovesNothing() {
    LinearModels found = new BoxRegression(WIDTH).solve(1000);
    assertArrayEquals(new float[4 * WIDTH], found.weight());
    assertArrayEquals(new float[4], found.bias());
  }

  /** The objective is convex: where its slope is 0 it is smallest. */
  @Test
  void theSlopeOfTheObjectiveIsZero() {
    long seed = 5;
    Random random = new Random(seed);
    double ridge = 3;
    BoxRegression regression = new BoxRegression(WIDTH);
    List<float[]> rows = new ArrayList<>();
    List<double[]> targets = new ArrayList<>();
    double[] mean = new double[4];
    for (int i = 0; i < 60; i++) {
      float[] row = new float[WIDTH];
      for (int d = 0; d < WIDTH; d++) {
        row[d] = Math.max(0, (float) random.nextGaussian());
      }
      Box region = new Box(0, 0, 10 + random.nextInt(20), 10 + random.nextInt(20));
      Box object = new Box(random.nextInt(5), 2 * row[0], 12 + random.nextInt(20), 30);
      regression.add(row, region, object);
      rows.add(row);
      targets.add(BoxRegression.targets(region, object));
      for (int t = 0; t < 4; t++) {
        mean[t] += targets.getLast()[t] / 60;
      }
    }
    LinearModels found = regression.solve(ridge);
    for (int t = 0; t < 4; t++) {
      double biasSlope = ridge * (found.bias()[t] - mean[t]);
      double[] slope = new double[WIDTH];
      for (int i = 0; i < rows.size(); i++) {
        double error = found.at(t, rows.get(i)) - targets.get(i)[t];
        biasSlope += error;
        for (int d = 0; d < WIDTH; d++) {
          slope[d] += error * rows.get(i)[d];
        }
      }
      assertEquals(0, biasSlope, 1e-4, "seed " + seed + " bias " + t);
      for (int d = 0; d < WIDTH; d++) {
        double all = slope[d] + ridge * found.weight()[t * WIDTH + d];
        assertEquals(0, all, 1e-4, "seed " + seed + " weight " + d + " of " + t);
      }
    }
  }
}

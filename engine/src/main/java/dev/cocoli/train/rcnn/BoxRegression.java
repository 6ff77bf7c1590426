package dev.cocoli.train.rcnn;

import dev.cocoli.structures.Box;
import java.util.Arrays;

/**
 * Learns, for one class, to move a region to the object that it overlaps (Girshick et al. 2014,
 * appendix C): ridge regression of the shift of its centre, by its size, and of the logarithm of
 * its growth. What it sees is summed up in the normal equations, so that regions pass by once.
 */
final class BoxRegression {
  /** Shift along x and y, growth along x and y. */
  static final int TARGETS = 4;

  private final int width;
  private final double[][] gram;
  private final double[][] moments;
  private final double[] targetSums = new double[TARGETS];
  private long count;

  /**
   * Begins.
   *
   * @param width D, numbers a region
   */
  BoxRegression(int width) {
    this.width = width;
    gram = new double[width + 1][width + 1]; // the last is the constant 1
    moments = new double[TARGETS][width + 1];
  }

  /** Takes a region and the object that it should become. */
  void add(float[] row, Box region, Box object) {
    float[] x = Arrays.copyOf(row, width + 1);
    x[width] = 1;
    for (int i = 0; i <= width; i++) {
      if (x[i] != 0) {
        double[] into = gram[i];
        for (int j = 0; j <= i; j++) {
          into[j] += (double) x[i] * x[j];
        }
      }
    }
    double[] targets = targets(region, object);
    for (int t = 0; t < TARGETS; t++) {
      targetSums[t] += targets[t];
      for (int i = 0; i <= width; i++) {
        moments[t][i] += targets[t] * x[i];
      }
    }
    count++;
  }

  /** The deltas that BoxCoder would give, without weights. */
  static double[] targets(Box region, Box object) {
    double centreX = region.x1() + 0.5 * region.width();
    double centreY = region.y1() + 0.5 * region.height();
    return new double[] {
      (object.x1() + 0.5 * object.width() - centreX) / region.width(),
      (object.y1() + 0.5 * object.height() - centreY) / region.height(),
      Math.log((double) object.width() / region.width()),
      Math.log((double) object.height() / region.height())
    };
  }

  /**
   * The four functions, of targets less their mean, which is added to the bias; zeros if no region
   * came.
   *
   * @param ridge weight of the squared weights
   */
  LinearModels solve(double ridge) {
    LinearModels found = LinearModels.zeros(TARGETS, width);
    if (count == 0) {
      return found;
    }
    double[][] factor = cholesky(ridge);
    for (int t = 0; t < TARGETS; t++) {
      double mean = targetSums[t] / count;
      double[] right = moments[t].clone();
      for (int i = 0; i <= width; i++) {
        // the gram matrix' last row has the sums of every number
        right[i] -= mean * gram[width][i];
      }
      double[] solution = substitute(factor, right);
      float[] row = new float[width];
      for (int i = 0; i < width; i++) {
        row[i] = (float) solution[i];
      }
      found.set(t, row, (float) (solution[width] + mean));
    }
    return found;
  }

  /** The lower triangle L of {@code gram + ridge I = L L^T}. */
  private double[][] cholesky(double ridge) {
    int size = width + 1;
    double[][] lower = new double[size][];
    for (int i = 0; i < size; i++) {
      double[] row = Arrays.copyOf(gram[i], i + 1);
      row[i] += ridge;
      for (int j = 0; j <= i; j++) {
        double[] other = j == i ? row : lower[j];
        double sum = row[j];
        for (int k = 0; k < j; k++) {
          sum -= row[k] * other[k];
        }
        row[j] = j == i ? Math.sqrt(sum) : sum / other[j];
      }
      lower[i] = row;
    }
    return lower;
  }

  private static double[] substitute(double[][] lower, double[] right) {
    double[] x = right.clone();
    for (int i = 0; i < x.length; i++) {
      for (int k = 0; k < i; k++) {
        x[i] -= lower[i][k] * x[k];
      }
      x[i] /= lower[i][i];
    }
    for (int i = x.length - 1; i >= 0; i--) {
      x[i] /= lower[i][i];
      for (int k = 0; k < i; k++) {
        x[k] -= lower[i][k] * x[i];
      }
    }
    return x;
  }
}

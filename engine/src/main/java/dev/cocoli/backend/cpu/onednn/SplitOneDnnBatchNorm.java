package dev.cocoli.backend.cpu.onednn;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.cocoli.backend.cpu.onednn.OneDnnBatchNorm.Moments;
import dev.cocoli.backend.primitives.SplitBatchNorm;
import dev.cocoli.backend.spec.BatchNormSpec;
import dev.cocoli.tensor.Tensor;

/** Batch normalisation in pieces: what {@link OneDnnBatchNorm} does, with its results laid out. */
public final class SplitOneDnnBatchNorm implements SplitBatchNorm {
  private final OneDnnBatchNorm batchNorm;

  public SplitOneDnnBatchNorm(OneDnnBatchNorm batchNorm) {
    this.batchNorm = batchNorm;
  }

  @Override
  public void statistics(Tensor x, Tensor statistics) {
    Moments moments = batchNorm.moments(x);
    int channels = moments.mean().length;
    for (int c = 0; c < channels; c++) {
      put(statistics, c, moments.mean()[c]);
      put(statistics, channels + c, moments.variance()[c]);
    }
    put(statistics, 2L * channels, moments.rows());
    statistics.buffer().markWritten();
  }

  @Override
  public void normalize(
      BatchNormSpec spec,
      Tensor statistics,
      Tensor x,
      Tensor weight,
      Tensor bias,
      Tensor residual,
      Tensor runningMean,
      Tensor runningVar,
      Tensor mean,
      Tensor invStd,
      Tensor y) {
    Moments all = joined(statistics, Math.toIntExact(x.dim(3)));
    batchNorm.normalize(
        spec, all, x, weight, bias, residual, runningMean, runningVar, mean, invStd, y);
  }

  /**
   * The moments of all values, from those of parts (Chan, Golub and LeVeque, "Updating formulae and
   * a pairwise algorithm for computing sample variances", 1979).
   */
  private static Moments joined(Tensor statistics, int channels) {
    int parts = Math.toIntExact(statistics.dim(0));
    long width = 2L * channels + 1;
    long rows = rows(statistics);
    double[] mean = new double[channels];
    double[] variance = new double[channels];
    for (int part = 0; part < parts; part++) {
      double share = get(statistics, part * width + 2L * channels) / rows;
      for (int c = 0; c < channels; c++) {
        mean[c] += share * get(statistics, part * width + c);
      }
    }
    for (int part = 0; part < parts; part++) {
      double share = get(statistics, part * width + 2L * channels) / rows;
      for (int c = 0; c < channels; c++) {
        double difference = get(statistics, part * width + c) - mean[c];
        variance[c] +=
            share * (get(statistics, part * width + channels + c) + difference * difference);
      }
    }
    return new Moments(mean, variance, rows);
  }

  private static long rows(Tensor statistics) {
    long width = statistics.dim(1);
    double rows = 0;
    for (long part = 0; part < statistics.dim(0); part++) {
      rows += get(statistics, part * width + width - 1);
    }
    return Math.round(rows);
  }

  @Override
  public void gradientSums(
      BatchNormSpec spec,
      Tensor x,
      Tensor mean,
      Tensor invStd,
      Tensor y,
      Tensor dy,
      Tensor sums,
      Tensor dWeight,
      Tensor dBias) {
    double[][] found = batchNorm.gradientSums(spec, x, mean, invStd, y, dy, dWeight, dBias);
    int channels = found[0].length;
    for (int c = 0; c < channels; c++) {
      put(sums, c, found[0][c]);
      put(sums, channels + c, found[1][c]);
    }
    sums.buffer().markWritten();
  }

  @Override
  public void gradient(
      Tensor statistics,
      Tensor x,
      Tensor weight,
      Tensor mean,
      Tensor invStd,
      Tensor dy,
      Tensor sums,
      Tensor dx) {
    int channels = Math.toIntExact(x.dim(3));
    double[][] all = new double[2][channels];
    for (int c = 0; c < channels; c++) {
      all[0][c] = get(sums, c);
      all[1][c] = get(sums, channels + c);
    }
    batchNorm.gradient(x, weight, mean, invStd, dy, all, rows(statistics), dx);
  }

  private static float get(Tensor x, long i) {
    return x.segment().getAtIndex(JAVA_FLOAT, i);
  }

  private static void put(Tensor x, long i, double value) {
    x.segment().setAtIndex(JAVA_FLOAT, i, (float) value);
  }
}

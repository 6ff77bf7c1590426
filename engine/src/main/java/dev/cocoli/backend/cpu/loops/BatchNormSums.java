package dev.cocoli.backend.cpu.loops;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.cocoli.backend.cpu.Workers;
import dev.cocoli.tensor.Tensor;
import java.util.Arrays;

/**
 * Sums over {@code x [N,H,W,C]} by channel that batch normalisation needs. Bound by memory, so the
 * input is read once for both statistics: differences from a channel's rough mean are summed, and
 * their squares, in single precision over 64 rows at most and in double precision beyond.
 */
public final class BatchNormSums {
  private static final int ROWS_A_CHUNK = 64;

  /** Rows, evenly spaced, whose mean the differences are taken from. */
  private static final int ROUGH_ROWS = 16;

  private final Workers workers;

  public BatchNormSums(Workers workers) {
    this.workers = workers;
  }

  /** {@return mean and variance of each channel} */
  public double[][] moments(Tensor x) {
    int channels = Math.toIntExact(x.dim(3));
    long rows = x.elementCount() / channels;
    float[] rough = roughMean(x, rows, channels);
    double[][] sums = statistics(new WideRows(x.dtype(), rows, channels, ROWS_A_CHUNK), x, rough);
    for (int c = 0; c < channels; c++) {
      double difference = sums[0][c] / rows;
      sums[0][c] = rough[c] + difference;
      sums[1][c] = Math.max(0, sums[1][c] / rows - difference * difference);
    }
    return sums;
  }

  private static float[] roughMean(Tensor x, long rows, int channels) {
    int count = (int) Math.min(rows, ROUGH_ROWS);
    FloatBlock row = FloatBlock.of(x.dtype(), channels);
    FloatBlock sum = FloatBlock.of(x.dtype(), channels);
    sum.clear(channels);
    for (int i = 0; i < count; i++) {
      row.load(x.segment(), rows * i / count * channels, channels);
      sum.add(row);
    }
    float[] mean = new float[channels];
    for (int c = 0; c < channels; c++) {
      mean[c] = sum.lane(c % sum.lanes())[c / sum.lanes()] / count;
    }
    return mean;
  }

  private double[][] statistics(WideRows wide, Tensor x, float[] rough) {
    double[][] sums = new double[wide.chunks()][];
    double[][] squares = new double[wide.chunks()][];
    workers.rows(
        wide.chunks(),
        1,
        (from, to) -> {
          float[][] centre = wide.spread(rough);
          FloatBlock row = FloatBlock.of(x.dtype(), wide.width());
          float[][] sum = wide.room();
          float[][] square = wide.room();
          for (int chunk = (int) from; chunk < to; chunk++) {
            clear(sum);
            clear(square);
            for (long at = wide.first(chunk); at < wide.end(chunk); at += wide.width()) {
              row.load(x.segment(), at, wide.size(chunk, at));
              for (int l = 0; l < row.lanes(); l++) {
                float[] values = row.lane(l);
                int size = row.size(l);
                subtract(centre[l], values, size);
                ElementwiseLoops.addInto(values, sum[l], size);
                addProducts(values, values, square[l], size);
              }
            }
            sums[chunk] = wide.fold(sum);
            squares[chunk] = wide.fold(square);
          }
        });
    return new double[][] {total(sums), total(squares)};
  }

  /**
   * {@return sums of the gradient before the activation and of its products with x less the mean}
   *
   * @param output of the activation, or null for none
   * @param dy the gradient, overwritten by that before the activation
   */
  public double[][] gradientSums(Tensor x, Tensor mean, Tensor output, Tensor dy) {
    int channels = Math.toIntExact(x.dim(3));
    long rows = x.elementCount() / channels;
    WideRows wide = new WideRows(x.dtype(), rows, channels, ROWS_A_CHUNK);
    float[] means = mean.segment().toArray(JAVA_FLOAT);
    double[][] sums = new double[wide.chunks()][];
    double[][] products = new double[wide.chunks()][];
    workers.rows(
        wide.chunks(),
        1,
        (from, to) -> {
          float[][] centre = wide.spread(means);
          FloatBlock row = FloatBlock.of(x.dtype(), wide.width());
          FloatBlock slope = FloatBlock.of(x.dtype(), wide.width());
          ReluMask mask = new ReluMask(x.dtype(), wide.width());
          float[][] sum = wide.room();
          float[][] product = wide.room();
          for (int chunk = (int) from; chunk < to; chunk++) {
            clear(sum);
            clear(product);
            for (long at = wide.first(chunk); at < wide.end(chunk); at += wide.width()) {
              int size = wide.size(chunk, at);
              if (output != null) {
                mask.apply(output.segment(), dy.segment(), at, size);
              }
              slope.load(dy.segment(), at, size);
              row.load(x.segment(), at, size);
              for (int l = 0; l < row.lanes(); l++) {
                float[] values = row.lane(l);
                float[] slopes = slope.lane(l);
                subtract(centre[l], values, row.size(l));
                ElementwiseLoops.addInto(slopes, sum[l], row.size(l));
                addProducts(values, slopes, product[l], row.size(l));
              }
            }
            sums[chunk] = wide.fold(sum);
            products[chunk] = wide.fold(product);
          }
        });
    return new double[][] {total(sums), total(products)};
  }

  private static double[] total(double[][] parts) {
    double[] total = parts[0].clone();
    for (int i = 1; i < parts.length; i++) {
      for (int c = 0; c < total.length; c++) {
        total[c] += parts[i][c];
      }
    }
    return total;
  }

  private static void clear(float[][] lanes) {
    for (float[] lane : lanes) {
      Arrays.fill(lane, 0);
    }
  }

  // Each of these loops writes one array and reads all at one index: then they are vectorised.

  private static void subtract(float[] centre, float[] x, int size) {
    for (int j = 0; j < size; j++) {
      x[j] -= centre[j];
    }
  }

  private static void addProducts(float[] a, float[] b, float[] sum, int size) {
    for (int j = 0; j < size; j++) {
      sum[j] += a[j] * b[j];
    }
  }
}

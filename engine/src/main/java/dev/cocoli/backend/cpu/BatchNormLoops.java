package dev.cocoli.backend.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.cocoli.backend.Activation;
import dev.cocoli.backend.BatchNormSpec;
import dev.cocoli.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Batch normalisation in training, over {@code x [N,H,W,C]} by channel. Bound by memory, so the
 * input is read once for both statistics: differences from a channel's rough mean are summed, and
 * their squares, in single precision over 64 rows at most and in double precision beyond.
 */
final class BatchNormLoops {
  private static final int ROWS_A_CHUNK = 64;

  /** Rows, evenly spaced, whose mean the differences are taken from. */
  private static final int ROUGH_ROWS = 16;

  private final Workers workers;

  BatchNormLoops(Workers workers) {
    this.workers = workers;
  }

  /** See {@link dev.cocoli.backend.Backend#batchNorm}. */
  void batchNorm(
      BatchNormSpec spec,
      Tensor x,
      Tensor weight,
      Tensor bias,
      Tensor residual,
      Tensor runningMean,
      Tensor runningVar,
      Tensor mean,
      Tensor invStd,
      Tensor y) {
    int channels = Math.toIntExact(x.dim(3));
    if (x.elementCount() == 0) {
      return;
    }
    long rows = x.elementCount() / channels;
    WideRows wide = new WideRows(rows, channels, ROWS_A_CHUNK);
    float[] rough = roughMean(x.segment(), rows, channels);
    double[][] sums = statistics(wide, x.segment(), rough);
    float[] factor = new float[channels];
    float[] addend = new float[channels];
    for (int c = 0; c < channels; c++) {
      double difference = sums[0][c] / rows;
      double exact = rough[c] + difference;
      double variance = Math.max(0, sums[1][c] / rows - difference * difference);
      double inverse = 1 / Math.sqrt(variance + spec.eps());
      put(mean, c, exact);
      put(invStd, c, inverse);
      double unbiased = rows > 1 ? variance * rows / (rows - 1) : variance;
      move(runningMean, c, exact, spec.momentum());
      move(runningVar, c, unbiased, spec.momentum());
      double scale = inverse * get(weight, c);
      factor[c] = (float) scale;
      addend[c] = (float) (get(bias, c) - exact * scale);
    }
    boolean relu = spec.activation() == Activation.RELU;
    apply(wide, x.segment(), factor, addend, residual, relu, y.segment());
  }

  private static float[] roughMean(MemorySegment x, long rows, int channels) {
    int count = (int) Math.min(rows, ROUGH_ROWS);
    float[] row = new float[channels];
    float[] sum = new float[channels];
    for (int i = 0; i < count; i++) {
      long at = rows * i / count * channels;
      MemorySegment.copy(x, JAVA_FLOAT, at * Float.BYTES, row, 0, channels);
      ElementwiseLoops.addInto(row, sum, channels);
    }
    for (int c = 0; c < channels; c++) {
      sum[c] /= count;
    }
    return sum;
  }

  private double[][] statistics(WideRows wide, MemorySegment x, float[] rough) {
    double[][] sums = new double[wide.chunks()][];
    double[][] squares = new double[wide.chunks()][];
    workers.rows(
        wide.chunks(),
        1,
        (from, to) -> {
          float[] centre = wide.spread(rough);
          float[] row = new float[wide.width()];
          float[] sum = new float[wide.width()];
          float[] square = new float[wide.width()];
          for (int chunk = (int) from; chunk < to; chunk++) {
            Arrays.fill(sum, 0);
            Arrays.fill(square, 0);
            for (long at = wide.first(chunk); at < wide.end(chunk); at += wide.width()) {
              int size = wide.size(chunk, at);
              MemorySegment.copy(x, JAVA_FLOAT, at * Float.BYTES, row, 0, size);
              subtract(centre, row, size);
              ElementwiseLoops.addInto(row, sum, size);
              addProducts(row, row, square, size);
            }
            sums[chunk] = wide.fold(sum);
            squares[chunk] = wide.fold(square);
          }
        });
    return new double[][] {total(sums), total(squares)};
  }

  private void apply(
      WideRows wide,
      MemorySegment x,
      float[] factor,
      float[] addend,
      Tensor residual,
      boolean relu,
      MemorySegment y) {
    workers.rows(
        wide.chunks(),
        1,
        (from, to) -> {
          float[] factors = wide.spread(factor);
          float[] addends = wide.spread(addend);
          float[] row = new float[wide.width()];
          float[] other = new float[wide.width()];
          for (long chunk = from; chunk < to; chunk++) {
            for (long at = wide.first(chunk); at < wide.end(chunk); at += wide.width()) {
              int size = wide.size(chunk, at);
              MemorySegment.copy(x, JAVA_FLOAT, at * Float.BYTES, row, 0, size);
              scaleAndShift(factors, addends, row, size);
              if (residual != null) {
                MemorySegment.copy(
                    residual.segment(), JAVA_FLOAT, at * Float.BYTES, other, 0, size);
                ElementwiseLoops.addInto(other, row, size);
              }
              if (relu) {
                ElementwiseLoops.clamp(row, size);
              }
              MemorySegment.copy(row, 0, y, JAVA_FLOAT, at * Float.BYTES, size);
            }
          }
        });
  }

  /** See {@link dev.cocoli.backend.Backend#batchNormBackward}. */
  void batchNormBackward(
      BatchNormSpec spec,
      Tensor x,
      Tensor weight,
      Tensor mean,
      Tensor invStd,
      Tensor y,
      Tensor dy,
      Tensor dx,
      Tensor dWeight,
      Tensor dBias) {
    int channels = Math.toIntExact(x.dim(3));
    if (x.elementCount() == 0) {
      return;
    }
    long rows = x.elementCount() / channels;
    WideRows wide = new WideRows(rows, channels, ROWS_A_CHUNK);
    MemorySegment output = spec.activation() == Activation.RELU ? y.segment() : null;
    float[] centre = mean.segment().toArray(JAVA_FLOAT);
    double[][] sums = gradientSums(wide, x.segment(), centre, output, dy.segment());
    // dx = scale (dy - mean(dy) - xhat mean(dy xhat)), as one sum of dy, x and a constant
    float[] ofGradient = new float[channels];
    float[] ofInput = new float[channels];
    float[] constant = new float[channels];
    for (int c = 0; c < channels; c++) {
      double inverse = get(invStd, c);
      double scale = get(weight, c) * inverse;
      double slope = -scale * inverse * inverse * sums[1][c] / rows;
      ofGradient[c] = (float) scale;
      ofInput[c] = (float) slope;
      constant[c] = (float) (-scale * sums[0][c] / rows - slope * centre[c]);
      if (dWeight != null) {
        put(dWeight, c, get(dWeight, c) + sums[1][c] * inverse);
        put(dBias, c, get(dBias, c) + sums[0][c]);
      }
    }
    combine(wide, x.segment(), dy.segment(), ofInput, ofGradient, constant, dx.segment());
  }

  /** Sums of the gradient behind the activation and of its products with x less the mean. */
  private double[][] gradientSums(
      WideRows wide, MemorySegment x, float[] mean, MemorySegment output, MemorySegment dy) {
    double[][] sums = new double[wide.chunks()][];
    double[][] products = new double[wide.chunks()][];
    workers.rows(
        wide.chunks(),
        1,
        (from, to) -> {
          float[] centre = wide.spread(mean);
          float[] row = new float[wide.width()];
          float[] slope = new float[wide.width()];
          float[] sum = new float[wide.width()];
          float[] product = new float[wide.width()];
          for (int chunk = (int) from; chunk < to; chunk++) {
            Arrays.fill(sum, 0);
            Arrays.fill(product, 0);
            for (long at = wide.first(chunk); at < wide.end(chunk); at += wide.width()) {
              int size = wide.size(chunk, at);
              MemorySegment.copy(dy, JAVA_FLOAT, at * Float.BYTES, slope, 0, size);
              if (output != null) {
                MemorySegment.copy(output, JAVA_FLOAT, at * Float.BYTES, row, 0, size);
                ElementwiseLoops.mask(row, slope, size);
                MemorySegment.copy(slope, 0, dy, JAVA_FLOAT, at * Float.BYTES, size);
              }
              MemorySegment.copy(x, JAVA_FLOAT, at * Float.BYTES, row, 0, size);
              subtract(centre, row, size);
              ElementwiseLoops.addInto(slope, sum, size);
              addProducts(row, slope, product, size);
            }
            sums[chunk] = wide.fold(sum);
            products[chunk] = wide.fold(product);
          }
        });
    return new double[][] {total(sums), total(products)};
  }

  private void combine(
      WideRows wide,
      MemorySegment x,
      MemorySegment dy,
      float[] ofInput,
      float[] ofGradient,
      float[] constant,
      MemorySegment dx) {
    workers.rows(
        wide.chunks(),
        1,
        (from, to) -> {
          float[] inputFactors = wide.spread(ofInput);
          float[] gradientFactors = wide.spread(ofGradient);
          float[] constants = wide.spread(constant);
          float[] row = new float[wide.width()];
          float[] slope = new float[wide.width()];
          for (long chunk = from; chunk < to; chunk++) {
            for (long at = wide.first(chunk); at < wide.end(chunk); at += wide.width()) {
              int size = wide.size(chunk, at);
              MemorySegment.copy(x, JAVA_FLOAT, at * Float.BYTES, row, 0, size);
              MemorySegment.copy(dy, JAVA_FLOAT, at * Float.BYTES, slope, 0, size);
              scaleAndShift(inputFactors, constants, row, size);
              addProducts(slope, gradientFactors, row, size);
              MemorySegment.copy(row, 0, dx, JAVA_FLOAT, at * Float.BYTES, size);
            }
          }
        });
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

  private static void scaleAndShift(float[] factor, float[] addend, float[] x, int size) {
    for (int j = 0; j < size; j++) {
      x[j] = x[j] * factor[j] + addend[j];
    }
  }

  private static float get(Tensor x, int c) {
    return x.segment().getAtIndex(JAVA_FLOAT, c);
  }

  private static void put(Tensor x, int c, double value) {
    x.segment().setAtIndex(JAVA_FLOAT, c, (float) value);
  }

  private static void move(Tensor running, int c, double value, float momentum) {
    put(running, c, get(running, c) * (1 - (double) momentum) + momentum * value);
  }
}

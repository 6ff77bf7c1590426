package dev.cocoli.backend.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.cocoli.backend.Activation;
import dev.cocoli.backend.BatchNormSpec;
import dev.cocoli.tensor.Tensor;
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
    if (x.elementCount() == 0) {
      return;
    }
    normalize(
        spec, moments(x), x, weight, bias, residual, runningMean, runningVar, mean, invStd, y);
  }

  /**
   * What is known of each channel's values.
   *
   * @param mean their mean
   * @param variance their biased variance
   * @param rows how many there are
   */
  record Moments(double[] mean, double[] variance, long rows) {}

  /** The moments of an input. */
  Moments moments(Tensor x) {
    int channels = Math.toIntExact(x.dim(3));
    long rows = x.elementCount() / channels;
    float[] rough = roughMean(x, rows, channels);
    double[][] sums = statistics(wide(x), x, rough);
    double[] mean = new double[channels];
    double[] variance = new double[channels];
    for (int c = 0; c < channels; c++) {
      double difference = sums[0][c] / rows;
      mean[c] = rough[c] + difference;
      variance[c] = Math.max(0, sums[1][c] / rows - difference * difference);
    }
    return new Moments(mean, variance, rows);
  }

  /** Normalises by moments, which may be those of more values than there are here. */
  void normalize(
      BatchNormSpec spec,
      Moments moments,
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
    long rows = moments.rows;
    float[] factor = new float[channels];
    float[] addend = new float[channels];
    for (int c = 0; c < channels; c++) {
      double exact = moments.mean[c];
      double variance = moments.variance[c];
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
    apply(wide(x), x, factor, addend, residual, relu, y);
  }

  private static WideRows wide(Tensor x) {
    long channels = x.dim(3);
    return new WideRows(x.dtype(), x.elementCount() / channels, channels, ROWS_A_CHUNK);
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

  private void apply(
      WideRows wide,
      Tensor x,
      float[] factor,
      float[] addend,
      Tensor residual,
      boolean relu,
      Tensor y) {
    workers.rows(
        wide.chunks(),
        1,
        (from, to) -> {
          float[][] factors = wide.spread(factor);
          float[][] addends = wide.spread(addend);
          FloatBlock row = FloatBlock.of(x.dtype(), wide.width());
          FloatBlock other = FloatBlock.of(x.dtype(), wide.width());
          for (long chunk = from; chunk < to; chunk++) {
            for (long at = wide.first(chunk); at < wide.end(chunk); at += wide.width()) {
              int size = wide.size(chunk, at);
              row.load(x.segment(), at, size);
              for (int l = 0; l < row.lanes(); l++) {
                scaleAndShift(factors[l], addends[l], row.lane(l), row.size(l));
              }
              if (residual != null) {
                other.load(residual.segment(), at, size);
                row.add(other);
              }
              if (relu) {
                row.clamp();
              }
              row.store(y.segment(), at);
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
    if (x.elementCount() == 0) {
      return;
    }
    double[][] sums = gradientSums(spec, x, mean, invStd, y, dy, dWeight, dBias);
    gradient(x, weight, mean, invStd, dy, sums, x.elementCount() / x.dim(3), dx);
  }

  /**
   * Sums of the gradient behind the activation and of its products with x less the mean; adds the
   * parameters' gradients.
   */
  double[][] gradientSums(
      BatchNormSpec spec,
      Tensor x,
      Tensor mean,
      Tensor invStd,
      Tensor y,
      Tensor dy,
      Tensor dWeight,
      Tensor dBias) {
    Tensor output = spec.activation() == Activation.RELU ? y : null;
    float[] centre = mean.segment().toArray(JAVA_FLOAT);
    double[][] sums = gradientSums(wide(x), x, centre, output, dy);
    if (dWeight != null) {
      for (int c = 0; c < centre.length; c++) {
        put(dWeight, c, get(dWeight, c) + sums[1][c] * get(invStd, c));
        put(dBias, c, get(dBias, c) + sums[0][c]);
      }
    }
    return sums;
  }

  /** The input's gradient, from sums over as many rows as the moments were of. */
  void gradient(
      Tensor x,
      Tensor weight,
      Tensor mean,
      Tensor invStd,
      Tensor dy,
      double[][] sums,
      long rows,
      Tensor dx) {
    int channels = Math.toIntExact(x.dim(3));
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
      constant[c] = (float) (-scale * sums[0][c] / rows - slope * get(mean, c));
    }
    combine(wide(x), x, dy, ofInput, ofGradient, constant, dx);
  }

  private double[][] gradientSums(WideRows wide, Tensor x, float[] mean, Tensor output, Tensor dy) {
    double[][] sums = new double[wide.chunks()][];
    double[][] products = new double[wide.chunks()][];
    workers.rows(
        wide.chunks(),
        1,
        (from, to) -> {
          float[][] centre = wide.spread(mean);
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

  private void combine(
      WideRows wide,
      Tensor x,
      Tensor dy,
      float[] ofInput,
      float[] ofGradient,
      float[] constant,
      Tensor dx) {
    workers.rows(
        wide.chunks(),
        1,
        (from, to) -> {
          float[][] inputFactors = wide.spread(ofInput);
          float[][] gradientFactors = wide.spread(ofGradient);
          float[][] constants = wide.spread(constant);
          FloatBlock row = FloatBlock.of(x.dtype(), wide.width());
          FloatBlock slope = FloatBlock.of(x.dtype(), wide.width());
          for (long chunk = from; chunk < to; chunk++) {
            for (long at = wide.first(chunk); at < wide.end(chunk); at += wide.width()) {
              int size = wide.size(chunk, at);
              row.load(x.segment(), at, size);
              slope.load(dy.segment(), at, size);
              for (int l = 0; l < row.lanes(); l++) {
                float[] values = row.lane(l);
                scaleAndShift(inputFactors[l], constants[l], values, row.size(l));
                addProducts(slope.lane(l), gradientFactors[l], values, row.size(l));
              }
              row.store(dx.segment(), at);
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

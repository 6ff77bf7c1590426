package dev.cocoli.backend.cpu.onednn;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.cocoli.backend.cpu.loops.BatchNormSums;
import dev.cocoli.backend.primitives.Norms;
import dev.cocoli.backend.spec.Activation;
import dev.cocoli.backend.spec.BatchNormSpec;
import dev.cocoli.tensor.Buffer;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Batch normalisation in training, over {@code x [N,H,W,C]} by channel, in two passes over memory:
 * sums, then the output, which is one oneDNN primitive: a product with what there is one of for
 * each channel, and sums.
 *
 * <p>The first pass is a loop in Java in F32, which is bound by memory and sums in double
 * precision. In BF16 that loop would be bound by the conversion; there the sums come from oneDNN's
 * batch normalisation of a few chunks of rows, whose other results are thrown away. It sums in
 * single precision, which is finer than the numbers themselves by far.
 */
public final class OneDnnBatchNorm implements Norms, AutoCloseable {
  /** Chunks of a map: enough for precision, few enough for the threads to meet seldom. */
  private static final long CHUNKS = 8;

  /** Less is not worth another call. */
  private static final long MIN_CHUNK_BYTES = 1 << 20;

  private final OneDnnContext context;
  private final OneDnnElementwise elementwise;
  private final BatchNormSums exact;
  private final BatchNormPlans plans;

  public OneDnnBatchNorm(
      OneDnnContext context, OneDnnElementwise elementwise, BatchNormSums exact) {
    this.context = context;
    this.elementwise = elementwise;
    this.exact = exact;
    plans = new BatchNormPlans(context);
  }

  /** One tensor as rows of channels, cut into chunks. */
  private record Rows(Tensor x, long channels) {
    static Rows of(Tensor x) {
      return new Rows(x, x.dim(3));
    }

    long count() {
      return x.elementCount() / channels;
    }

    long rowBytes() {
      return channels * x.dtype().byteSize();
    }

    long aChunk() {
      long share = (count() + CHUNKS - 1) / CHUNKS;
      return Math.min(count(), Math.max(share, MIN_CHUNK_BYTES / rowBytes()));
    }

    BatchNormPlans.Key chunk(long first) {
      return new BatchNormPlans.Key(x.dtype(), Math.min(aChunk(), count() - first), channels);
    }

    MemorySegment slice(Tensor like, long first, long rows) {
      return like.segment().asSlice(first * rowBytes(), rows * rowBytes());
    }
  }

  @Override
  public void batchNorm(
      BatchNormSpec spec,
      Tensor x,
      Tensor weight,
      Tensor bias,
      Tensor residual,
      Tensor runningMean,
      Tensor runningVar,
      Tensor sums,
      Tensor mean,
      Tensor invStd,
      Tensor y) {
    if (x.elementCount() == 0) {
      return;
    }
    Moments moments = sums == null ? moments(x) : moments(sums, runningMean, Rows.of(x).count());
    normalize(spec, moments, x, weight, bias, residual, runningMean, runningVar, mean, invStd, y);
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
    Rows rows = Rows.of(x);
    double[][] found = x.dtype() == DType.F32 ? exact.moments(x) : moments(rows);
    return new Moments(found[0], found[1], rows.count());
  }

  /** Moments from sums of values less a centre, and of the squares of that. */
  private static Moments moments(Tensor sums, Tensor centre, long rows) {
    double[] mean = values(sums.rows(0, 1));
    double[] variance = values(sums.rows(1, 1));
    for (int c = 0; c < mean.length; c++) {
      double fromCentre = mean[c] / rows;
      variance[c] = Math.max(0, variance[c] / rows - fromCentre * fromCentre);
      mean[c] = get(centre.segment(), c) + fromCentre;
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
    Rows rows = Rows.of(x);
    double unbiased = moments.rows > 1 ? (double) moments.rows / (moments.rows - 1) : 1;
    try (Buffer factor = floats(rows.channels);
        Buffer addend = floats(rows.channels)) {
      for (int c = 0; c < rows.channels; c++) {
        double centre = moments.mean[c];
        double variance = moments.variance[c];
        double inverse = 1 / Math.sqrt(variance + spec.eps());
        put(mean.segment(), c, centre);
        put(invStd.segment(), c, inverse);
        move(runningMean.segment(), c, centre, spec.momentum());
        move(runningVar.segment(), c, variance * unbiased, spec.momentum());
        double scale = inverse * get(weight.segment(), c);
        put(factor.segment(), c, scale);
        put(addend.segment(), c, get(bias.segment(), c) - centre * scale);
      }
      plans.apply(
          new BatchNormPlans.Key(x.dtype(), rows.count(), rows.channels),
          spec.activation() == Activation.RELU,
          x.segment(),
          factor.segment(),
          addend.segment(),
          residual == null ? null : residual.segment(),
          y.segment());
    }
    runningMean.buffer().markWritten();
    runningVar.buffer().markWritten();
    mean.buffer().markWritten();
    invStd.buffer().markWritten();
    y.buffer().markWritten();
  }

  /** {@return mean and variance of each channel} */
  private double[][] moments(Rows rows) {
    int channels = Math.toIntExact(rows.channels);
    double[] mean = new double[channels];
    double[] squares = new double[channels]; // of differences from the mean, summed
    try (Buffer someMean = floats(channels);
        Buffer someVariance = floats(channels);
        Buffer unused = context.pool().take(rows.aChunk() * rows.rowBytes())) {
      for (long first = 0; first < rows.count(); first += rows.aChunk()) {
        BatchNormPlans.Key chunk = rows.chunk(first);
        plans.moments(
            chunk,
            rows.slice(rows.x, first, chunk.rows()),
            someMean.segment(),
            someVariance.segment(),
            unused.segment());
        // Chan, Golub and LeVeque 1983: moments of the two parts of a sample
        double share = (double) chunk.rows() / (first + chunk.rows());
        for (int c = 0; c < channels; c++) {
          double difference = get(someMean.segment(), c) - mean[c];
          mean[c] += difference * share;
          squares[c] +=
              chunk.rows() * (double) get(someVariance.segment(), c)
                  + difference * difference * first * share;
        }
      }
    }
    for (int c = 0; c < channels; c++) {
      squares[c] = Math.max(0, squares[c] / rows.count());
    }
    return new double[][] {mean, squares};
  }

  @Override
  public void batchNormBackward(
      BatchNormSpec spec,
      Tensor x,
      Tensor weight,
      Tensor bias,
      Tensor residual,
      Tensor mean,
      Tensor invStd,
      Tensor y,
      Tensor dy,
      Tensor sums,
      Tensor dx,
      Tensor dWeight,
      Tensor dBias) {
    if (x.elementCount() == 0) {
      return;
    }
    double[][] all;
    if (sums == null) {
      all = gradientSums(spec, x, mean, invStd, y, dy, dWeight, dBias);
    } else {
      all = new double[][] {values(sums.rows(0, 1)), values(sums.rows(1, 1))};
      addParameterGradients(all, invStd, dWeight, dBias);
    }
    gradient(x, weight, mean, invStd, dy, all, Rows.of(x).count(), dx);
  }

  private static double[] values(Tensor row) {
    double[] values = new double[Math.toIntExact(row.elementCount())];
    Arrays.setAll(values, c -> get(row.segment(), c));
    return values;
  }

  /**
   * Sums of the gradient before the activation and of its products with x less the mean; adds the
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
    Rows rows = Rows.of(x);
    Tensor output = spec.activation() == Activation.RELU ? y : null;
    double[][] sums =
        x.dtype() == DType.F32
            ? exact.gradientSums(x, mean, output, dy)
            : gradientSums(rows, mean, output, dy);
    dy.buffer().markWritten();
    addParameterGradients(sums, invStd, dWeight, dBias);
    return sums;
  }

  private static void addParameterGradients(
      double[][] sums, Tensor invStd, Tensor dWeight, Tensor dBias) {
    if (dWeight == null) {
      return;
    }
    dWeight.buffer().markWritten();
    dBias.buffer().markWritten();
    for (int c = 0; c < sums[0].length; c++) {
      double product = sums[1][c] * get(invStd.segment(), c);
      put(dWeight.segment(), c, get(dWeight.segment(), c) + product);
      put(dBias.segment(), c, get(dBias.segment(), c) + sums[0][c]);
    }
  }

  /** The input's gradient, from sums over as many rows as the moments were of. */
  void gradient(
      Tensor x,
      Tensor weight,
      Tensor mean,
      Tensor invStd,
      Tensor dy,
      double[][] sums,
      long count,
      Tensor dx) {
    Rows rows = Rows.of(x);
    // dx = scale (dy - mean(dy) - xhat mean(dy xhat)), as (x slope + constant + dy) scale
    try (Buffer slope = floats(rows.channels);
        Buffer constant = floats(rows.channels);
        Buffer scale = floats(rows.channels)) {
      for (int c = 0; c < rows.channels; c++) {
        double inverse = get(invStd.segment(), c);
        double ofInput = -inverse * inverse * sums[1][c] / count;
        put(slope.segment(), c, ofInput);
        put(constant.segment(), c, -sums[0][c] / count - ofInput * get(mean.segment(), c));
        put(scale.segment(), c, inverse * get(weight.segment(), c));
      }
      plans.combine(
          new BatchNormPlans.Key(x.dtype(), rows.count(), rows.channels),
          x.segment(),
          slope.segment(),
          constant.segment(),
          dy.segment(),
          scale.segment(),
          dx.segment());
    }
    dx.buffer().markWritten();
  }

  /**
   * {@return sums of the gradient before the activation and of its products with x less the mean}
   */
  private double[][] gradientSums(Rows rows, Tensor mean, Tensor output, Tensor dy) {
    int channels = Math.toIntExact(rows.channels);
    double[] sums = new double[channels];
    double[] products = new double[channels];
    float[] one = new float[channels];
    Arrays.fill(one, 1);
    try (Buffer ones = floats(channels);
        Buffer someSums = floats(channels);
        Buffer someProducts = floats(channels);
        Buffer unused = context.pool().take(rows.aChunk() * rows.rowBytes())) {
      MemorySegment.copy(one, 0, ones.segment(), JAVA_FLOAT, 0, channels);
      for (long first = 0; first < rows.count(); first += rows.aChunk()) {
        BatchNormPlans.Key chunk = rows.chunk(first);
        MemorySegment slopes = rows.slice(dy, first, chunk.rows());
        if (output != null) {
          elementwise.reluBackward(
              chunk.type(),
              chunk.rows() * channels,
              rows.slice(output, first, chunk.rows()),
              slopes);
        }
        plans.gradientSums(
            chunk,
            rows.slice(rows.x, first, chunk.rows()),
            mean.segment(),
            ones.segment(),
            slopes,
            unused.segment(),
            someProducts.segment(),
            someSums.segment());
        for (int c = 0; c < channels; c++) {
          sums[c] += get(someSums.segment(), c);
          products[c] += get(someProducts.segment(), c);
        }
      }
    }
    return new double[][] {sums, products};
  }

  @Override
  public boolean masksInPassing() {
    // a part at a time, which stays in the cache for the sums
    return true;
  }

  @Override
  public void foldBatchNorm(
      Tensor weight, Tensor bias, Tensor mean, Tensor var, float eps, Tensor scale, Tensor shift) {
    for (int c = 0; c < weight.elementCount(); c++) {
      float deviation = (float) Math.sqrt(get(var.segment(), c) + eps);
      float factor = get(weight.segment(), c) * (1 / deviation);
      put(scale.segment(), c, factor);
      put(shift.segment(), c, get(bias.segment(), c) - get(mean.segment(), c) * factor);
    }
    scale.buffer().markWritten();
    shift.buffer().markWritten();
  }

  private Buffer floats(long count) {
    return context.pool().take(count * Float.BYTES);
  }

  private static float get(MemorySegment x, int c) {
    return x.getAtIndex(JAVA_FLOAT, c);
  }

  private static void put(MemorySegment x, int c, double value) {
    x.setAtIndex(JAVA_FLOAT, c, (float) value);
  }

  private static void move(MemorySegment running, int c, double value, float momentum) {
    put(running, c, get(running, c) * (1 - (double) momentum) + momentum * value);
  }

  @Override
  public void close() {
    plans.close();
  }
}

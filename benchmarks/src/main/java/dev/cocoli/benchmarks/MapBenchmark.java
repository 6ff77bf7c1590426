package dev.cocoli.benchmarks;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.spec.Activation;
import dev.cocoli.backend.spec.BatchNormSpec;
import dev.cocoli.backend.spec.Pool2dSpec;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** Measures the primitives on whole feature maps other than convolutions. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@State(Scope.Thread)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class MapBenchmark {
  /** Height x width of the image. */
  @Param("800x1088")
  public String size;

  /** Images per batch. */
  @Param("1")
  public int batch;

  /** Channels of the map at a quarter of the image's size, as at the end of a bottleneck. */
  @Param("256")
  public int channels;

  private final Pool2dSpec pool = new Pool2dSpec(3, 2, 1);
  private final BatchNormSpec norm = new BatchNormSpec(1e-5f, 0.1f, Activation.RELU);
  private Backend backend;
  private Tensor x;
  private Tensor residual;
  private Tensor y;
  private Tensor dx;
  private Tensor weight;
  private Tensor bias;
  private Tensor runningMean;
  private Tensor runningVar;
  private Tensor mean;
  private Tensor invStd;
  private Tensor dWeight;
  private Tensor dBias;
  private Tensor coarse;
  private Tensor coarseArgmax;

  /**
   * Creates the tensors.
   *
   * @param state the device
   */
  @Setup
  public void setUp(DeviceState state) {
    long[] fine = ImageSize.parse(size).maps().getFirst();
    long[] half = ImageSize.parse(size).maps().get(1);
    backend = state.backend();
    x = state.activation(batch, fine[0], fine[1], channels);
    residual = state.activation(batch, fine[0], fine[1], channels);
    y = state.activation(batch, fine[0], fine[1], channels);
    dx = state.activation(batch, fine[0], fine[1], channels);
    coarse = state.activation(batch, half[0], half[1], channels);
    coarseArgmax = state.empty(DType.U8, batch, half[0], half[1], channels);
    weight = state.uniform(channels);
    bias = state.uniform(channels);
    runningMean = state.empty(channels);
    runningVar = state.empty(channels);
    mean = state.empty(channels);
    invStd = state.empty(channels);
    dWeight = state.empty(channels);
    dBias = state.empty(channels);
    batchNorm();
    maxPool();
  }

  /** Computes batch normalisation with a residual and a ReLU. */
  @Benchmark
  public void batchNorm() {
    backend
        .norms()
        .batchNorm(norm, x, weight, bias, residual, runningMean, runningVar, null, mean, invStd, y);
    backend.transfers().synchronize();
  }

  /** Computes the gradients of batch normalisation. */
  @Benchmark
  public void batchNormBackward() {
    backend
        .norms()
        .batchNormBackward(
            norm, x, weight, bias, residual, mean, invStd, y, residual, null, dx, dWeight, dBias);
    backend.transfers().synchronize();
  }

  /** Computes the max pooling of the stem on this map. */
  @Benchmark
  public void maxPool() {
    backend.pooling().maxPool2d(pool, x, coarse, coarseArgmax);
    backend.transfers().synchronize();
  }

  /** Computes the gradient of max pooling. */
  @Benchmark
  public void maxPoolBackward() {
    backend.pooling().maxPool2dBackward(pool, coarse, coarseArgmax, y);
    backend.transfers().synchronize();
  }

  /** Enlarges a coarser map and adds it, as the top-down path of the pyramid does. */
  @Benchmark
  public void upsampleAdd() {
    backend.upsampling().upsampleNearest(coarse, residual, y);
    backend.transfers().synchronize();
  }

  /** Computes the gradient of that by the coarser map. */
  @Benchmark
  public void upsampleBackward() {
    backend.upsampling().upsampleNearestBackward(y, null, coarse);
    backend.transfers().synchronize();
  }

  /** Adds two gradients of one map. */
  @Benchmark
  public void add() {
    backend.elementwise().add(x, residual, y);
    backend.transfers().synchronize();
  }

  /** Computes the gradient of a ReLU. */
  @Benchmark
  public void reluBackward() {
    backend.elementwise().reluBackward(y, residual);
    backend.transfers().synchronize();
  }
}

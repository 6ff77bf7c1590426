package dev.cocoli.benchmarks;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.spec.Activation;
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

/** Measures the matmuls of the box head: 1000 regions in detection, 512 in training. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@State(Scope.Thread)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class LinearBenchmark {
  /** Outputs and inputs of the layer: {@code fc6}, {@code fc7}, {@code cls_score}. */
  @Param({"1024x12544", "1024x1024", "91x1024"})
  public String weights;

  /** The number of regions, which are the rows. */
  @Param({"512", "1000"})
  public int regions;

  private Backend backend;
  private Tensor x;
  private Tensor weight;
  private Tensor bias;
  private Tensor y;
  private Tensor dx;
  private Tensor dWeight;
  private Tensor dBias;

  /**
   * Creates the tensors.
   *
   * @param state the device
   */
  @Setup
  public void setUp(DeviceState state) {
    ImageSize shape = ImageSize.parse(weights);
    long out = shape.height();
    long in = shape.width();
    backend = state.backend();
    x = state.activation(regions, in);
    weight = state.uniform(out, in);
    bias = state.uniform(out);
    y = state.activation(regions, out);
    dx = state.activation(regions, in);
    dWeight = state.empty(out, in);
    dBias = state.empty(out);
  }

  /** Runs the forward pass. */
  @Benchmark
  public void forward() {
    backend.dense().linear(Activation.RELU, x, weight, bias, y);
    backend.transfers().synchronize();
  }

  /** Computes the gradient by the input. */
  @Benchmark
  public void backwardData() {
    backend.dense().linearBackwardData(y, weight, dx);
    backend.transfers().synchronize();
  }

  /** Computes the gradients by weight and bias. */
  @Benchmark
  public void backwardWeight() {
    backend.dense().linearBackwardWeight(x, y, dWeight, dBias);
    backend.transfers().synchronize();
  }
}

package dev.cocoli.benchmarks;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.spec.SgdSpec;
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

/** Measures the update of all parameters of a model. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@State(Scope.Thread)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class UpdateBenchmark {
  /** The number of parameters: those of {@code fasterrcnn_resnet50_fpn} with 91 classes. */
  @Param("41755286")
  public int parameters;

  private final SgdSpec sgd = new SgdSpec(1e-4f, 0.9f, 1e-4f);
  private Backend backend;
  private Tensor values;
  private Tensor gradients;
  private Tensor velocities;
  private Tensor norm;

  /**
   * Creates the tensors.
   *
   * @param state the device
   */
  @Setup
  public void setUp(DeviceState state) {
    backend = state.backend();
    values = state.uniform(parameters);
    gradients = state.uniform(parameters);
    velocities = state.empty(parameters);
    norm = state.empty(1);
  }

  /** Runs an update of SGD. */
  @Benchmark
  public void sgdUpdate() {
    backend.updates().sgdUpdate(sgd, values, gradients, velocities);
    backend.transfers().synchronize();
  }

  /** Computes the squared norm of the gradient, as gradient clipping needs it. */
  @Benchmark
  public void squaredNorm() {
    backend.updates().squaredNorm(gradients, norm);
    backend.transfers().synchronize();
  }

  /** Sets the gradients to zero. */
  @Benchmark
  public void fill() {
    backend.copies().fill(velocities, 0);
    backend.transfers().synchronize();
  }
}

package dev.cocoli.benchmarks;

import dev.cocoli.backend.Backend;
import dev.cocoli.tensor.Tensor;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
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

/** Measures the losses on their samples: 256 anchors, 512 regions. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@State(Scope.Thread)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class LossBenchmark {
  /** The number of sampled regions per image. */
  @Param("512")
  public int regions;

  /** The number of classes, including the background. */
  @Param("91")
  public int classes;

  private Backend backend;
  private Tensor logits;
  private Tensor dLogits;
  private Tensor labels;
  private Tensor objectness;
  private Tensor dObjectness;
  private Tensor deltas;
  private Tensor dDeltas;
  private Tensor targets;
  private Tensor loss;

  /**
   * Creates the tensors.
   *
   * @param state the device
   */
  @Setup
  public void setUp(DeviceState state) {
    backend = state.backend();
    logits = state.uniform(regions, classes);
    dLogits = state.empty(regions, classes);
    labels =
        state.of(
            IntStream.range(0, regions).map(i -> i % 4 == 0 ? i % classes : 0).toArray(), regions);
    objectness = state.uniform(regions);
    dObjectness = state.empty(regions);
    deltas = state.uniform(regions, 4L * classes);
    dDeltas = state.empty(regions, 4L * classes);
    targets = state.uniform(regions, 4);
    loss = state.empty(1);
  }

  /** Computes the loss of the classes. */
  @Benchmark
  public void softmaxCrossEntropy() {
    backend.losses().softmaxCrossEntropy(logits, labels, loss, dLogits);
    backend.transfers().synchronize();
  }

  /** Computes the loss of the objectness. */
  @Benchmark
  public void sigmoidCrossEntropy() {
    backend.losses().sigmoidCrossEntropy(objectness, labels, loss, dObjectness);
    backend.transfers().synchronize();
  }

  /** Computes the loss of the boxes. */
  @Benchmark
  public void smoothL1() {
    backend.losses().smoothL1(1 / 9f, deltas, targets, labels, loss, dDeltas);
    backend.transfers().synchronize();
  }
}

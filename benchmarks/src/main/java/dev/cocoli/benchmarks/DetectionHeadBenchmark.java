package dev.cocoli.benchmarks;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.spec.BoxCoderSpec;
import dev.cocoli.tensor.DType;
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

/**
 * Measures the end of a detection: 1000 regions are decoded for 91 classes, followed by NMS per
 * class.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@State(Scope.Thread)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class DetectionHeadBenchmark {
  /** The number of regions. */
  @Param("1000")
  public int regions;

  /** The number of classes, including the background. */
  @Param("91")
  public int classes;

  private Backend backend;
  private Tensor logits;
  private Tensor deltas;
  private Tensor rois;
  private Tensor imageSizes;
  private Tensor boxes;
  private Tensor scores;
  private Tensor groups;
  private Tensor kept;
  private Tensor count;

  /**
   * Creates the tensors.
   *
   * @param state the device
   */
  @Setup
  public void setUp(DeviceState state) {
    backend = state.backend();
    // about two classes per region are above the threshold of 0.05
    float[] wide = new float[regions * classes];
    for (int i = 0; i < wide.length; i++) {
      wide[i] = 6 * state.random().nextFloat() * state.random().nextFloat();
    }
    logits = state.of(wide, 1, regions, classes);
    deltas = state.uniform(1, regions, 4L * classes);
    rois = state.empty(1, regions, 5);
    Tensor where = state.boxes(regions, 800, 1088);
    backend.copies().copyColumns(where.reshape(regions, 4), 0, rois.reshape(regions, 5), 1, 4);
    imageSizes = state.of(new float[] {800, 1088}, 1, 2);
    int candidates = regions * (classes - 1);
    boxes = state.empty(1, candidates, 4);
    scores = state.empty(1, candidates);
    groups =
        state.of(IntStream.range(0, candidates).map(i -> i % (classes - 1)).toArray(), candidates);
    kept = state.empty(DType.I32, 1, 100);
    count = state.empty(DType.I32, 1);
    decode();
  }

  /** Computes softmax and the boxes of all classes, and applies the threshold. */
  @Benchmark
  public void decode() {
    backend
        .proposals()
        .decodeDetections(
            BoxCoderSpec.BOX_HEAD, logits, deltas, rois, imageSizes, 1e-2f, 0.05f, boxes, scores);
    backend.transfers().synchronize();
  }

  /** Applies NMS per class and keeps the best 100. */
  @Benchmark
  public void nms() {
    backend.proposals().nms(0.5f, boxes, scores, groups, kept, count);
    backend.transfers().synchronize();
  }
}

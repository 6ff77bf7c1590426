package dev.cocoli.benchmarks;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.spec.BoxCoderSpec;
import dev.cocoli.backend.spec.MatchSpec;
import dev.cocoli.backend.spec.SampleSpec;
import dev.cocoli.detection.config.AnchorConfig;
import dev.cocoli.detection.head.AnchorGenerator;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import java.util.List;
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
 * Measures the steps from the scores of all anchors to the proposals, and the matching and sampling
 * of anchors.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@State(Scope.Thread)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class ProposalBenchmark {
  private static final int OBJECTS = 20;
  private static final long SEED = 11;

  /** Height x width of the image. */
  @Param("800x1088")
  public String size;

  /** The number of candidates per map, and of boxes kept: 1000 in detection, 2000 in training. */
  @Param({"1000", "2000"})
  public int topN;

  private final MatchSpec matching = new MatchSpec(0.7f, 0.3f, MatchSpec.LowQuality.ALLOW);
  private final SampleSpec sampling = new SampleSpec(256, 0.5f);
  private Backend backend;
  private long[] levelOffsets;
  private long[] perLevel;
  private Tensor anchors;
  private Tensor logits;
  private Tensor deltas;
  private Tensor imageSizes;
  private Tensor best;
  private Tensor boxes;
  private Tensor scores;
  private Tensor groups;
  private Tensor kept;
  private Tensor count;
  private Tensor groundTruth;
  private Tensor groundTruthCounts;
  private Tensor matches;
  private Tensor sample;
  private Tensor labels;
  private Tensor targets;

  /**
   * Creates the tensors.
   *
   * @param state the device
   */
  @Setup
  public void setUp(DeviceState state) {
    ImageSize image = ImageSize.parse(size);
    AnchorGenerator generator = new AnchorGenerator(AnchorConfig.DEFAULT);
    List<long[]> maps = image.maps();
    levelOffsets = new long[maps.size() + 1];
    perLevel = new long[maps.size()];
    for (int i = 0; i < maps.size(); i++) {
      long count = maps.get(i)[0] * maps.get(i)[1] * generator.perLocation();
      levelOffsets[i + 1] = levelOffsets[i] + count;
      perLevel[i] = Math.min(topN, count);
    }
    backend = state.backend();
    ImageSize padded = image.padded();
    float[] all = generator.generate(padded.height(), padded.width(), maps);
    long total = all.length / 4;
    anchors = state.of(all, total, 4);
    logits = state.uniform(1, total);
    deltas = state.uniform(1, total, 4);
    imageSizes = state.of(new float[] {image.height(), image.width()}, 1, 2);
    int[] levels =
        IntStream.range(0, perLevel.length)
            .flatMap(i -> IntStream.generate(() -> i).limit(perLevel[i]))
            .toArray();
    best = state.empty(DType.I32, 1, levels.length);
    boxes = state.empty(1, levels.length, 4);
    scores = state.empty(1, levels.length);
    groups = state.of(levels, levels.length);
    kept = state.empty(DType.I32, 1, topN);
    count = state.empty(DType.I32, 1);
    groundTruth = state.boxes(OBJECTS, image.height(), image.width());
    groundTruthCounts = state.of(new int[] {OBJECTS}, 1);
    matches = state.empty(DType.I32, 1, total);
    sample = state.empty(DType.I32, 1, sampling.batchSizePerImage());
    labels = state.empty(DType.I32, sampling.batchSizePerImage());
    targets = state.empty(sampling.batchSizePerImage(), 4);
    topK();
    decode();
    match();
    sample();
  }

  /** Selects the best anchors of each map. */
  @Benchmark
  public void topK() {
    backend.proposals().topK(logits, levelOffsets, perLevel, best);
    backend.transfers().synchronize();
  }

  /** Decodes their boxes. */
  @Benchmark
  public void decode() {
    backend
        .proposals()
        .decodeProposals(
            BoxCoderSpec.UNIT, deltas, logits, anchors, best, imageSizes, 1e-3f, 0, boxes, scores);
    backend.transfers().synchronize();
  }

  /** Applies NMS within each map. */
  @Benchmark
  public void nms() {
    backend.proposals().nms(0.7f, boxes, scores, groups, kept, count);
    backend.transfers().synchronize();
  }

  /** Matches all anchors with the objects. */
  @Benchmark
  public void match() {
    backend
        .matching()
        .matchBoxes(
            matching,
            anchors.reshape(1, anchors.dim(0), 4),
            groundTruth,
            groundTruthCounts,
            matches);
    backend.transfers().synchronize();
  }

  /** Samples the anchors that are trained on. */
  @Benchmark
  public void sample() {
    backend.matching().sampleBalanced(sampling, matches, new long[] {SEED}, sample, count);
    backend.transfers().synchronize();
  }

  /** Computes the targets of the sample. */
  @Benchmark
  public void targets() {
    backend
        .matching()
        .sampleTargets(
            BoxCoderSpec.UNIT,
            anchors.reshape(1, anchors.dim(0), 4),
            sample,
            matches,
            groundTruth,
            null,
            null,
            labels,
            targets);
    backend.transfers().synchronize();
  }
}

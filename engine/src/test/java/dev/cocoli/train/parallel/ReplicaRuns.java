package dev.cocoli.train.parallel;

import dev.cocoli.detection.ModelSpec;
import dev.cocoli.nn.Norm;
import dev.cocoli.tensor.Device;
import dev.cocoli.train.RectangleData;
import dev.cocoli.train.TinyRuns;
import dev.cocoli.train.TrainConfig;
import dev.cocoli.train.TrainingListener;
import dev.cocoli.train.TrainingRun;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collections;
import java.util.List;

/** Runs of several replicas on the processor. */
public final class ReplicaRuns {
  /** Small enough that a tiny model has several buckets. */
  static final ParallelConfig PARALLEL =
      ParallelConfig.DEFAULT.withBucketBytes(40_000).withTimeout(Duration.ofMinutes(2));

  private ReplicaRuns() {}

  /**
   * A model whose samples are full in every image, so that all losses are means over as many rows.
   */
  static ModelSpec model(Norm.Type norm) {
    ModelSpec tiny = TinyRuns.model(RectangleData.CLASSES);
    return tiny.withConfig(c -> c.withBackbone(b -> b.withNorm(norm)))
        .withConfig(
            c ->
                c.withSampling(s -> s.withBatchSizePerImage(8))
                    .withRpn(r -> r.withBatchSizePerImage(64)));
  }

  static TrainingRun run(Path folder, Norm.Type norm, TrainConfig config) throws IOException {
    return TrainingRun.of(
            model(norm),
            RectangleData.draw(folder.resolve("train"), 16, 1),
            config,
            folder.resolve("run"))
        .withValidation(RectangleData.draw(folder.resolve("val"), 7, 2));
  }

  public static Replicas replicas(TrainingRun run, int size, TrainingListener listener) {
    return new Replicas(run, Collections.nCopies(size, Device.CPU), PARALLEL, listener);
  }

  static List<Device> cpus(int size) {
    return Collections.nCopies(size, Device.CPU);
  }
}

package dev.cocoli.train.parallel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.detection.ModelSpec;
import dev.cocoli.nn.Norm;
import dev.cocoli.nn.Safetensors;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Device;
import dev.cocoli.train.RectangleData;
import dev.cocoli.train.TinyRuns;
import dev.cocoli.train.TrainConfig;
import dev.cocoli.train.TrainingListener;
import dev.cocoli.train.TrainingRun;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.TreeMap;

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

  private static TreeMap<String, float[]> weights(Path file) throws IOException {
    TreeMap<String, float[]> all = new TreeMap<>();
    try (Safetensors opened = Safetensors.open(file)) {
      opened
          .entries()
          .forEach(
              (name, entry) -> {
                if (entry.dtype() == DType.F32) {
                  all.put(name, entry.data().toArray(ValueLayout.JAVA_FLOAT_UNALIGNED));
                }
              });
    }
    return all;
  }

  /** Requires that two weights files differ by no more. */
  static void assertClose(Path expected, Path actual, double tolerance) throws IOException {
    TreeMap<String, float[]> first = weights(expected);
    TreeMap<String, float[]> second = weights(actual);
    assertEquals(first.keySet(), second.keySet());
    double worst = 0;
    for (String name : first.keySet()) {
      float[] a = first.get(name);
      float[] b = second.get(name);
      for (int i = 0; i < a.length; i++) {
        worst = Math.max(worst, Math.abs(a[i] - b[i]));
      }
    }
    assertTrue(worst <= tolerance, "weights differ by " + worst);
  }
}

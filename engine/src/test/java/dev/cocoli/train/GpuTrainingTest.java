package dev.cocoli.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.backend.cuda.CudaBackend;
import dev.cocoli.tensor.Device;
import dev.cocoli.tensor.Precision;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Training on a GPU, where there is one or something stands in for it, beside the processor. */
@Tag("slow")
class GpuTrainingTest {
  private static final Device GPU = new Device(Device.Kind.CUDA, 0);

  @TempDir Path folder;

  @BeforeAll
  static void skipWithoutGpu() {
    Optional<String> problem = Backends.problem(GPU);
    if (problem.isPresent()) {
      System.out.println("skipped: training on " + GPU + ": " + problem.get());
      Assumptions.abort(problem.get());
    }
  }

  /** What was seen at the end of each step. */
  private record Seen(List<Double> losses, List<Long> downloads, List<Long> bytes) {}

  private Seen train(Device device, Precision precision, int epochs) throws Exception {
    Seen seen = new Seen(new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
    TrainConfig config = TinyRuns.config().withEpochs(epochs).withPrecision(precision);
    Path place = folder.resolve(device.kind() + "-" + precision + "-" + epochs);
    try (Backend backend = Backends.open(device)) {
      TrainingListener listener =
          new TrainingListener() {
            @Override
            public void stepDone(StepReport report) {
              seen.losses.add((double) report.losses().total());
              seen.downloads.add(backend.transfers().downloadCount());
              seen.bytes.add(backend.pool().reservedBytes());
            }
          };
      new Trainer(TinyRuns.run(place, config), backend, listener).start();
      if (backend instanceof CudaBackend gpu) {
        // the chunks of the pool, and what the transfers keep
        assertTrue(gpu.liveBuffers() <= 8, gpu.liveBuffers() + " buffers are held at the end");
      }
    }
    return seen;
  }

  @Test
  void goesAsOnTheProcessor() throws Exception {
    Seen cpu = train(Device.CPU, Precision.FP32, 1);
    Seen gpu = train(GPU, Precision.FP32, 1);
    assertEquals(8, gpu.losses.size());
    // sums in another order drift apart from step to step
    for (int i = 0; i < 4; i++) {
      double expected = cpu.losses.get(i);
      assertEquals(expected, gpu.losses.get(i), 1e-3 * expected, "step " + (i + 1));
    }
    assertEquals(cpu.losses.getFirst(), gpu.losses.getFirst(), 1e-5 * cpu.losses.getFirst());
  }

  /** Tiny networks drift apart soon; what real ones do is measured, not tested here. */
  @Test
  void goesInBf16() throws Exception {
    Seen exact = train(Device.CPU, Precision.FP32, 1);
    Seen mixed = train(GPU, Precision.BF16, 1);
    assertEquals(exact.losses.getFirst(), mixed.losses.getFirst(), 0.02 * exact.losses.getFirst());
    assertEquals(mean(exact.losses), mean(mixed.losses), 0.15 * mean(exact.losses));
  }

  private static double mean(List<Double> values) {
    return values.stream().mapToDouble(Double::doubleValue).average().orElseThrow();
  }

  /** But for the last step of an epoch, behind which an evaluation may have been. */
  @Test
  void aStepDownloadsOnceAndMemoryStaysFlat() throws Exception {
    Seen seen = train(GPU, Precision.FP32, 2);
    for (int i = 1; i < 8; i++) {
      assertEquals(1, seen.downloads.get(i) - seen.downloads.get(i - 1), "in step " + (i + 1));
    }
    long first = seen.bytes.get(8);
    for (long bytes : seen.bytes.subList(9, seen.bytes.size())) {
      assertTrue(bytes <= 2 * first, "the pool grows: " + seen.bytes);
    }
  }
}

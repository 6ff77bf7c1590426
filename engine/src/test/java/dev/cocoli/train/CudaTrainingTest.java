package dev.cocoli.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.backend.cuda.CudaOnHost;
import dev.cocoli.data.image.Image;
import dev.cocoli.tensor.Device;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A run through the CUDA kernels, on the host: the steps of the CPU, with the images of a step sent
 * while the one before runs.
 */
@Tag("slow")
class CudaTrainingTest {
  @TempDir Path folder;

  private static List<Float> losses(TrainingRun run, Backend backend, long until) {
    List<Float> losses = new ArrayList<>();
    Trainer[] self = new Trainer[1];
    TrainingListener listener =
        new TrainingListener() {
          @Override
          public void stepDone(StepReport report) {
            losses.add(report.losses().total());
            if (report.step() == until) {
              self[0].requestStop();
            }
          }
        };
    self[0] = new Trainer(run, backend, listener);
    self[0].start();
    return losses;
  }

  private TrainingRun run(String name) throws IOException {
    TrainConfig config = TinyRuns.config().withEpochs(2).withLearningRate(0.002);
    TrainingRun run = TinyRuns.run(folder.resolve(name), config);
    return TrainingRun.of(run.model(), run.trainData(), config, run.out());
  }

  @Test
  void trainsAsTheProcessorDoes() throws IOException {
    assumeTrue(CudaOnHost.isPossible(), "there is no C++ compiler");
    int steps = 11; // beyond the end of an epoch, and not to the end of the next
    List<Float> expected;
    try (Backend cpu = Backends.open(Device.CPU)) {
      expected = losses(run("cpu"), cpu, steps);
    }
    try (Backend cuda = CudaOnHost.open()) {
      List<Float> found = losses(run("cuda"), cuda, steps);
      assertEquals(expected.size(), found.size());
      for (int i = 0; i < steps; i++) {
        assertEquals(expected.get(i), found.get(i), 2e-3 * expected.get(i), "step " + (i + 1));
      }
      assertEquals(0, cuda.pool().usedBytes());
    }
    assertEquals(0, Image.allocatedByteSize(), "images that were taken early are freed");
  }
}

package dev.cocoli.train;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.cpu.CpuBackend;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A short run with a checkpoint after each step, as a program that may be killed at any time. */
final class KilledRun {
  private static final int EPOCHS = 2;

  private KilledRun() {}

  static TrainingRun of(Path folder) throws IOException {
    return TrainingRun.of(
            TinyRuns.model(RectangleData.CLASSES)
                .withConfig(c -> c.withBoxHead(b -> b.withHeadSize(32))),
            RectangleData.draw(folder.resolve("train"), 4, 1),
            TinyRuns.config().withEpochs(EPOCHS).withCheckpoint(c -> c.withSteps(1)),
            folder.resolve("run"))
        .withValidation(RectangleData.draw(folder.resolve("val"), 2, 2));
  }

  /**
   * Starts the run, or goes on with it.
   *
   * @param arguments the folder
   */
  public static void main(String[] arguments) throws IOException {
    TrainingRun run = of(Path.of(arguments[0]));
    try (Backend backend = new CpuBackend(1)) {
      Trainer trainer = new Trainer(run, backend, TrainingListener.NONE);
      if (Files.exists(run.out().resolve("config.json"))) {
        trainer.resume();
      } else {
        trainer.start();
      }
    }
  }
}

package dev.cocoli.train;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.nn.Safetensors;
import dev.cocoli.tensor.Device;
import dev.cocoli.train.checkpoint.Checkpoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * The run that is interrupted in tests; as a program of its own, it waits to be killed in the
 * middle of writing a checkpoint.
 */
final class InterruptedRun {
  static final String READY = "half of the state is written";

  private InterruptedRun() {}

  static TrainingRun of(Path folder) throws IOException {
    return TinyRuns.run(folder, TinyRuns.config().withUpdate(u -> u.withClipNorm(10)));
  }

  /**
   * Trains.
   *
   * @param arguments the folder, and the number of the checkpoint that is never finished
   */
  public static void main(String[] arguments) throws IOException {
    int fatal = Integer.parseInt(arguments[1]);
    int[] states = {0};
    Checkpoint.Writer writer =
        (file, metadata, entries) -> {
          Safetensors.write(file, metadata, entries);
          if (file.getFileName().toString().startsWith("state") && ++states[0] == fatal) {
            byte[] bytes = Files.readAllBytes(file);
            Files.write(file, Arrays.copyOf(bytes, bytes.length / 2));
            System.out.println(READY);
            sleepForever();
          }
        };
    TrainConfig config = of(Path.of(arguments[0])).config().withCheckpoint(c -> c.withSteps(3));
    try (Backend backend = Backends.open(Device.CPU)) {
      new Trainer(
              of(Path.of(arguments[0])).withConfig(config), backend, TrainingListener.NONE, writer)
          .start();
    }
  }

  private static void sleepForever() {
    try {
      Thread.sleep(Long.MAX_VALUE);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}

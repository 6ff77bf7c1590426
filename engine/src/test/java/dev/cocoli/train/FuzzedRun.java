package dev.cocoli.train;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.detection.DetectionModel;
import dev.cocoli.nn.ParameterArena;
import dev.cocoli.nn.Safetensors;
import dev.cocoli.tensor.Device;
import dev.cocoli.train.checkpoint.Checkpoint;
import dev.cocoli.train.checkpoint.RunDescription;
import dev.cocoli.train.checkpoint.RunFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A run of a few steps, whose files are changed before they are read again. */
public final class FuzzedRun implements AutoCloseable {
  private final Path folder;
  private final TrainingRun run;
  private final DetectionModel model;
  private final Backend backend;
  private final ParameterArena parameters;
  private final byte[] state;
  private final byte[] config;

  /**
   * Trains.
   *
   * @param folder where
   */
  public FuzzedRun(Path folder) throws IOException {
    this.folder = folder;
    run =
        TrainingRun.of(
            TinyRuns.model(RectangleData.CLASSES)
                .withConfig(c -> c.withBoxHead(b -> b.withHeadSize(8))),
            RectangleData.draw(folder.resolve("train"), 2, 1),
            TinyRuns.config().withEpochs(1),
            folder.resolve("run"));
    backend = Backends.open(Device.CPU);
    if (!Files.exists(run.out())) {
      new Trainer(run, backend, TrainingListener.NONE).start();
    }
    model = run.model().build();
    parameters =
        ParameterArena.forTraining(backend, model, run.config().update().optimizer().stateNames());
    state = Files.readAllBytes(run.out().resolve("state.safetensors"));
    config = Files.readAllBytes(run.out().resolve("config.json"));
  }

  /** {@return the state of the run, a file} */
  public byte[] state() {
    return state;
  }

  /** {@return the description of the run, a file} */
  public byte[] config() {
    return config;
  }

  /** {@return the description that a run with the same options has} */
  public RunDescription description() {
    return RunDescription.of(run, "cpu", 1);
  }

  /**
   * Goes on from a state.
   *
   * @param bytes the state
   * @param file a name that is part of the path of the state
   */
  public void restore(byte[] bytes, Path file) throws IOException {
    Path own = Files.createDirectories(folder.resolve(file.getFileName()));
    Files.write(own.resolve("state.safetensors"), bytes);
    new Checkpoint(new RunFolder(own), run.model(), model, parameters, Safetensors::write)
        .restore(1, 1);
  }

  @Override
  public void close() {
    parameters.close();
    backend.close();
  }
}

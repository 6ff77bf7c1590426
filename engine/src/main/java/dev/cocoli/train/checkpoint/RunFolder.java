package dev.cocoli.train.checkpoint;

import dev.cocoli.files.OutputFile;
import dev.cocoli.train.TrainingException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The folder of a run: which files it holds, and whether it may be written to. */
public final class RunFolder {
  private final Path path;

  public RunFolder(Path path) {
    this.path = path;
  }

  public Path path() {
    return path;
  }

  /** The run's description, written once before the first step. */
  public Path config() {
    return path.resolve("config.json");
  }

  public Path metrics() {
    return path.resolve("metrics.jsonl");
  }

  public Path lastWeights() {
    return path.resolve("last.safetensors");
  }

  public Path bestWeights() {
    return path.resolve("best.safetensors");
  }

  /** All that it takes to go on. */
  Path state() {
    return path.resolve("state.safetensors");
  }

  /** The regions of the training images, where the run found them itself. */
  public Path proposals() {
    return path.resolve("proposals-train.bin");
  }

  /** The regions of the validation images, where the run found them itself. */
  public Path validationProposals() {
    return path.resolve("proposals-validation.bin");
  }

  private List<Path> files() {
    return List.of(config(), metrics(), lastWeights(), bestWeights(), state());
  }

  /**
   * Refuses a folder that a run has been written to.
   *
   * @throws TrainingException if there is one
   */
  public void requireFree() {
    for (Path file : files()) {
      if (holdsSomething(file)) {
        throw new TrainingException(
            "%s holds a run already (%s): resume it, or choose another folder"
                .formatted(path, file.getFileName()));
      }
    }
  }

  /**
   * Refuses a folder without a run.
   *
   * @throws TrainingException if there is none
   */
  public void requireRun() {
    if (!Files.exists(config())) {
      throw new TrainingException(
          path + " holds no run to resume: it has no " + config().getFileName());
    }
  }

  /**
   * Refuses to begin a run anew over its own weights: whoever deleted the state did not mean that.
   * Only a run that was killed while it wrote its first checkpoint has weights without a state.
   *
   * @throws TrainingException if there are weights
   */
  public void requireNoWeights() {
    for (Path weights : List.of(bestWeights(), lastWeights())) {
      if (holdsSomething(weights) && !isStateUnfinished()) {
        throw new TrainingException(
            ("%s has weights but no %s, without which its run cannot be resumed; start a new run in"
                    + " another folder from %s")
                .formatted(path, state().getFileName(), weights));
      }
    }
  }

  private boolean isStateUnfinished() {
    try {
      return OutputFile.hasLeftovers(state());
    } catch (IOException e) {
      throw notWritable(e);
    }
  }

  private static boolean holdsSomething(Path file) {
    try {
      return Files.size(file) > 0;
    } catch (IOException e) {
      return false;
    }
  }

  /**
   * Makes the folder if need be.
   *
   * @throws TrainingException if it cannot be made
   */
  public void create() {
    try {
      Files.createDirectories(path);
    } catch (IOException e) {
      throw notWritable(e);
    }
  }

  /**
   * Removes what a killed run may have left half written, and writes the run's description. Only
   * for who holds the metrics open.
   *
   * @param description the new content of {@link #config()}
   * @throws TrainingException if it cannot be written to
   */
  public void claim(RunDescription description) {
    try {
      for (Path file : files()) {
        OutputFile.deleteLeftovers(file);
      }
      OutputFile.deleteLeftovers(proposals());
      OutputFile.deleteLeftovers(validationProposals());
      byte[] text = description.toJson().getBytes(StandardCharsets.UTF_8);
      OutputFile.replace(
          List.of(new OutputFile.Replacement(config(), file -> Files.write(file, text))));
    } catch (IOException e) {
      throw notWritable(e);
    }
  }

  private TrainingException notWritable(IOException e) {
    String reason =
        Files.exists(path) && !Files.isDirectory(path) ? "it is a file" : OutputFile.reason(e);
    return new TrainingException("cannot write to the run folder " + path + ": " + reason, e);
  }
}

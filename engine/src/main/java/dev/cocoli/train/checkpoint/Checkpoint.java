package dev.cocoli.train.checkpoint;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.detection.DetectionModel;
import dev.cocoli.detection.ModelSpec;
import dev.cocoli.files.OutputFile;
import dev.cocoli.nn.ParameterArena;
import dev.cocoli.nn.Safetensors;
import dev.cocoli.nn.StateDict;
import dev.cocoli.ops.Ops;
import dev.cocoli.ops.Tape;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.train.Progress;
import dev.cocoli.train.TrainingException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Writes and reads the state of a run. The state file holds everything, the weights included, and
 * moves into place last: it alone says where the run goes on, and the weights beside it, which are
 * for detection, are never older than it.
 */
public final class Checkpoint {
  private static final String WEIGHTS = "model.";

  /** Writes one file; {@link Safetensors#write} but for tests of what can go wrong. */
  @FunctionalInterface
  public interface Writer {
    void write(Path file, Map<String, String> metadata, Map<String, Safetensors.Entry> entries)
        throws IOException;
  }

  /** Whether a checkpoint's weights are also the best so far. */
  public enum Rank {
    BEST,
    LATEST
  }

  private final RunFolder folder;
  private final ModelSpec spec;
  private final DetectionModel model;
  private final ParameterArena parameters;
  private final Writer writer;

  public Checkpoint(
      RunFolder folder,
      ModelSpec spec,
      DetectionModel model,
      ParameterArena parameters,
      Writer writer) {
    this.folder = folder;
    this.spec = spec;
    this.model = model;
    this.parameters = parameters;
    this.writer = writer;
  }

  /**
   * Writes the weights and the state.
   *
   * @param progress how far the run is
   * @param rank whether to write the best weights too
   * @throws TrainingException if a weight is not finite or a file cannot be written; all files are
   *     as they were before
   */
  void save(Progress progress, Rank rank) {
    requireFiniteWeights(progress);
    List<OutputFile.Replacement> files = new ArrayList<>();
    if (rank == Rank.BEST) {
      files.add(replacement(folder.bestWeights(), progress));
    }
    files.add(replacement(folder.lastWeights(), progress));
    files.add(new OutputFile.Replacement(folder.state(), file -> writeState(file, progress)));
    try {
      OutputFile.replace(files);
    } catch (IOException e) {
      String kept =
          Files.exists(folder.state())
              ? "; the checkpoint before it is whole: make room and resume the run"
              : "; there is no earlier one";
      throw new TrainingException(
          "cannot write the checkpoint of step %s to %s: %s%s"
              .formatted(progress.step(), folder.path(), OutputFile.reason(e), kept),
          e);
    }
  }

  /**
   * A step with finite losses and gradients may still have moved the weights, or running
   * statistics, out of range.
   */
  private void requireFiniteWeights(Progress progress) {
    Backend backend = parameters.backend();
    try (TensorScope scope = new TensorScope(backend.pool())) {
      Ops ops = new Ops(backend, scope, Tape.NONE);
      Tensor squaredNorms = ops.allocate(DType.F32, 2);
      backend.updates().squaredNorm(parameters.values(), squaredNorms.rows(0, 1));
      backend.updates().squaredNorm(parameters.fixed(), squaredNorms.rows(1, 1));
      float[] found = ops.download(squaredNorms);
      if (!Float.isFinite(found[0]) || !Float.isFinite(found[1])) {
        throw new TrainingException(
            ("the weights are not finite after step %s, so no checkpoint of it was written;"
                    + " try a lower learning rate, a longer warm-up or gradient clipping")
                .formatted(progress.step()));
      }
    }
  }

  private OutputFile.Replacement replacement(Path file, Progress progress) {
    return new OutputFile.Replacement(file, temporary -> writeWeights(temporary, progress));
  }

  private void writeWeights(Path file, Progress progress) throws IOException {
    Map<String, String> metadata = new LinkedHashMap<>(spec.toMetadata());
    metadata.put("cocoli.step", Long.toString(progress.step()));
    try (Arena arena = Arena.ofConfined()) {
      writer.write(file, metadata, StateDict.save(model, parameters.backend(), arena));
    }
  }

  private void writeState(Path file, Progress progress) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      Map<String, Safetensors.Entry> entries = new LinkedHashMap<>();
      StateDict.save(model, parameters.backend(), arena)
          .forEach((name, entry) -> entries.put(WEIGHTS + name, entry));
      optimizerState()
          .forEach(
              (name, state) -> {
                MemorySegment copy = arena.allocate(state.byteSize(), Float.BYTES);
                parameters.backend().transfers().download(state, copy);
                entries.put(name, new Safetensors.Entry(DType.F32, state.shape(), copy));
              });
      writer.write(file, progress.toMetadata(), entries);
    }
  }

  /**
   * What the optimizer remembers of each parameter that it moves, by {@code state.parameter}: it
   * lies where the parameter does.
   */
  private Map<String, Tensor> optimizerState() {
    Map<String, Tensor> result = new LinkedHashMap<>();
    parameters
        .states()
        .forEach(
            (state, all) ->
                model
                    .namedParameters()
                    .forEach(
                        (name, parameter) -> {
                          if (parameter.isTrainable()) {
                            long offset = parameter.value().byteOffset();
                            result.put(
                                state + "." + name, all.view(offset, parameter.shape(), DType.F32));
                          }
                        }));
    return result;
  }

  /**
   * Sets weights and optimizer state to those of the last checkpoint.
   *
   * @param totalSteps the steps of the run's plan
   * @param stepsPerEpoch how many of them make an epoch
   * @return how far the run was; nothing if it was not written to yet
   * @throws TrainingException if the state cannot be read, is damaged, or does not fit the model or
   *     the plan; the message names the file, and the field
   */
  public Optional<Progress> restore(long totalSteps, int stepsPerEpoch) {
    if (!Files.exists(folder.state())) {
      return Optional.empty();
    }
    try (Safetensors state = Safetensors.open(folder.state())) {
      Progress progress = Progress.fromMetadata(state.metadata(), totalSteps, stepsPerEpoch);
      state.requireIntact();
      Map<String, Safetensors.Entry> weights = new LinkedHashMap<>();
      state
          .entries()
          .forEach(
              (name, entry) -> {
                if (name.startsWith(WEIGHTS)) {
                  weights.put(name.substring(WEIGHTS.length()), entry);
                }
              });
      StateDict.load(model, parameters.backend(), weights);
      restoreOptimizer(state.entries());
      state.requireWhole();
      return Optional.of(progress);
    } catch (InternalError e) { // of the JVM, if a page of the mapped file is gone
      throw new TrainingException(
          "cannot resume from " + folder.state() + ": was cut while it was read", e);
    } catch (IOException | IllegalArgumentException e) {
      throw new TrainingException(
          "cannot resume from " + folder.state() + ": " + e.getMessage(), e);
    }
  }

  private void restoreOptimizer(Map<String, Safetensors.Entry> entries) throws IOException {
    for (Map.Entry<String, Tensor> named : optimizerState().entrySet()) {
      Tensor state = named.getValue();
      Safetensors.Entry entry = entries.get(named.getKey());
      if (entry == null || entry.dtype() != DType.F32 || !entry.shape().equals(state.shape())) {
        throw new IOException(
            "it has no " + named.getKey() + " of the shape that the optimizer needs");
      }
      parameters.backend().transfers().upload(entry.data(), state);
    }
  }
}

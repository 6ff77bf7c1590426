package dev.cocoli.train;

import dev.cocoli.backend.Backend;
import dev.cocoli.data.DatasetCheck;
import dev.cocoli.detection.DetectionModel;
import dev.cocoli.detection.ModelSpec;
import dev.cocoli.detection.TransferReport;
import dev.cocoli.detection.WeightsFile;
import dev.cocoli.nn.Safetensors;
import dev.cocoli.train.checkpoint.Checkpoint;
import dev.cocoli.train.checkpoint.MetricsLog;
import dev.cocoli.train.checkpoint.RunDescription;
import dev.cocoli.train.checkpoint.RunFolder;
import dev.cocoli.train.checkpoint.RunRecord;
import dev.cocoli.train.parallel.LoneReplica;
import dev.cocoli.train.parallel.Replica;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Function;

/**
 * Trains a detector on one device: a run of steps, evaluations and checkpoints in a folder. A run
 * that was stopped, or killed, goes on from its last checkpoint; on the CPU it then ends with the
 * very bits that it would have ended with otherwise, given the same kind of processor and as many
 * threads: oneDNN chooses its order of summation by both.
 *
 * <pre>{@code
 * TrainingRun run = TrainingRun.of(model, data, TrainConfig.DEFAULT, Path.of("runs/first"));
 * try (Backend backend = Backends.open(Device.CPU)) {
 *   new Trainer(run, backend, TrainingListener.NONE).start();
 * }
 * }</pre>
 */
public final class Trainer {
  private final TrainingRun run;
  private final Backend backend;
  private final TrainingListener listener;
  private final Checkpoint.Writer writer;
  private final RunFolder folder;
  private final Replica replica;
  private final BooleanSupplier isStopRequested;
  private volatile boolean stopRequested;

  /**
   * Prepares a run; nothing is read or written yet.
   *
   * @param run what to train
   * @param backend where; not closed
   * @param listener told how it goes
   */
  public Trainer(TrainingRun run, Backend backend, TrainingListener listener) {
    this(run, backend, listener, Safetensors::write);
  }

  /**
   * Prepares a training run that writes its checkpoints with a given writer.
   *
   * @param run what to train, and with what
   * @param backend the device
   * @param listener receives the events of the run
   * @param writer writes the checkpoints
   */
  @SuppressWarnings("exports") // for tests
  public Trainer(
      TrainingRun run, Backend backend, TrainingListener listener, Checkpoint.Writer writer) {
    this(run, backend, listener, writer, new LoneReplica(backend.device()), () -> false);
  }

  /**
   * One of several replicas.
   *
   * @param run what to train
   * @param backend where; not closed
   * @param listener told how it goes
   * @param writer writes files
   * @param replica which one; closed when the run ends
   * @param isStopRequested whether all are to stop
   */
  @SuppressWarnings("exports") // for Replicas
  public Trainer(
      TrainingRun run,
      Backend backend,
      TrainingListener listener,
      Checkpoint.Writer writer,
      Replica replica,
      BooleanSupplier isStopRequested) {
    this.replica = replica;
    this.isStopRequested = isStopRequested;
    this.run = run;
    this.backend = backend;
    this.listener = listener;
    this.writer = writer;
    this.folder = new RunFolder(run.out());
  }

  /**
   * Asks the run to stop, from any thread: the step under way is finished, a checkpoint is written,
   * and {@link #start} or {@link #resume} returns. The next call of either is not affected.
   */
  public void requestStop() {
    stopRequested = true;
  }

  /**
   * Trains from the beginning. The calling thread, a platform thread, drives the device.
   *
   * @return how it ended
   * @throws IllegalArgumentException if the device does not compute in the precision
   * @throws TrainingException if the folder holds a run or cannot be written to, if classes do not
   *     fit, if weights cannot be used, if a loss is not finite, or if a checkpoint cannot be
   *     written
   * @throws dev.cocoli.data.DataException if there are too few images, one cannot be decoded, or an
   *     annotation cannot be trained on; the message names the image and the object
   */
  public TrainingResult start() {
    return train(this::startIn, folder::requireFree);
  }

  private TrainingResult startIn(TrainingLoop loop) {
    initialize(loop);
    RunDescription description = describe(loop);
    folder.create();
    try (MetricsLog metrics = new MetricsLog(folder.metrics())) {
      folder.requireFree(); // another run may have ended since the first look
      folder.claim(description);
      return run(loop, Progress.START, metrics);
    }
  }

  /**
   * Goes on from the last checkpoint; from the beginning if the run was killed before the first.
   * The calling thread, a platform thread, drives the device.
   *
   * @return how it ended
   * @throws TrainingException as {@link #start} does, and if the folder holds no run, weights
   *     without the state that was saved with them, or a run with another model, other data or
   *     other settings; only what does not change results may differ, and epochs may be added
   */
  public TrainingResult resume() {
    return train(this::resumeIn, folder::requireRun);
  }

  private TrainingResult resumeIn(TrainingLoop loop) {
    RunDescription before = RunDescription.read(folder.config());
    RunDescription now = describe(loop);
    before.requireSame(now, folder.path());
    try (MetricsLog metrics = new MetricsLog(folder.metrics())) {
      Optional<Progress> restored =
          loop.checkpoint().restore(loop.totalSteps(), loop.stepsPerEpoch());
      if (restored.isEmpty()) {
        folder.requireNoWeights();
        before.requireSameWeights(now, folder.path());
        listener.message("the run in " + folder.path() + " has no checkpoint: it begins anew");
        initialize(loop);
      }
      Progress progress = restored.orElse(Progress.START);
      metrics.cut(progress.metricsBytes());
      folder.claim(now);
      return run(loop, progress, metrics);
    }
  }

  /**
   * Trains, as the replica that writes the folder or as one that gets everything from it.
   *
   * @param first what the first replica does
   * @param check what the folder has to be for it
   */
  private TrainingResult train(Function<TrainingLoop, TrainingResult> first, Runnable check) {
    requirePlatformThread();
    backend.require(run.config().precision());
    if (replica.isFirst()) {
      check.run();
      checkClasses();
      DatasetCheck.require("the training data", run.trainData());
      run.validationData().ifPresent(data -> DatasetCheck.require("the validation data", data));
    }
    try (TrainingLoop loop =
        new TrainingLoop(run, backend, folder, listener, writer, replica, this::isTimeToStop)) {
      try {
        return replica.isFirst() ? first.apply(loop) : loop.run(Progress.START, RunRecord.NONE);
      } catch (RuntimeException | Error e) {
        replica.fail(e); // while its memory is still there for the others
        throw e;
      }
    } finally {
      stopRequested = false; // it was for this run
    }
  }

  private boolean isTimeToStop() {
    return stopRequested || isStopRequested.getAsBoolean();
  }

  private TrainingResult run(TrainingLoop loop, Progress progress, MetricsLog metrics) {
    RunRecord record = new RunRecord.Written(metrics, loop.checkpoint(), listener);
    return loop.run(progress, record);
  }

  private static void requirePlatformThread() {
    if (Thread.currentThread().isVirtual()) {
      throw new IllegalStateException("a device is driven by a platform thread, not a virtual one");
    }
  }

  private RunDescription describe(TrainingLoop loop) {
    return RunDescription.of(run, replica.devices(), loop.totalSteps());
  }

  private void checkClasses() {
    List<String> classes = run.model().classNames();
    ClassCheck.requireSame("the model", classes, "the training data", run.trainData().classNames());
    run.validationData()
        .ifPresent(
            data ->
                ClassCheck.requireSame(
                    "the model", classes, "the validation data", data.classNames()));
  }

  /** Draws the weights from the seed, then sets those that a file has. */
  private void initialize(TrainingLoop loop) {
    loop.parameters().initialize(run.config().seed());
    run.weights().ifPresent(start -> load(start, loop.model()));
  }

  private void load(StartingWeights start, DetectionModel model) {
    Path file = start.file();
    try (WeightsFile weights = WeightsFile.open(file)) {
      if (weights.isClassifierFor(model)) {
        weights.loadBackbone(model, backend);
        return;
      }
      requireSameModel(file, weights.modelName());
      Optional<List<String>> classes =
          weights.spec(run.model().builder()).map(ModelSpec::classNames).or(start::classNames);
      if (classes.isPresent() && weights.classCount(model) == 0) { // no rows can be told apart
        ClassCheck.requireSame(
            "the weights file " + file, classes.get(), "the data", run.model().classNames());
      }
      TransferReport report = weights.transfer(model, backend, run.model().classNames(), classes);
      if (!report.isWhole()) {
        listener.transferred(report);
      }
    } catch (IOException e) {
      throw new TrainingException(e.getMessage(), e);
    }
  }

  private void requireSameModel(Path file, Optional<String> name) {
    if (name.isPresent() && !name.get().equals(run.model().model())) {
      throw new TrainingException(
          "the weights file %s is of a %s, the run of a %s"
              .formatted(file, name.get(), run.model().model()));
    }
  }
}

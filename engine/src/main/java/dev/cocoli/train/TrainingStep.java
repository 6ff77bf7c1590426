package dev.cocoli.train;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.backend.spec.SampleKey;
import dev.cocoli.detection.DetectionModel;
import dev.cocoli.detection.LossValues;
import dev.cocoli.distributed.Communicator.AllReduceTimes;
import dev.cocoli.distributed.CommunicatorException;
import dev.cocoli.nn.ParameterArena;
import dev.cocoli.ops.Ops;
import dev.cocoli.ops.Tape;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.train.parallel.StepSynchronization;
import java.util.Arrays;
import java.util.List;

/**
 * One step on one device: losses, gradients, their mean over the replicas, update, one download.
 * All of it runs on the calling thread, which is always the same one; nothing of a step but the
 * parameters outlives it.
 */
public final class TrainingStep {
  private final Backend backend;
  private final DetectionModel model;
  private final List<String> lossNames;
  private final ParameterArena parameters;
  private final TrainConfig config;
  private final StepSynchronization synchronization;
  private final long mixedSeed;

  /** Whether an update was begun that has not proved to be right. */
  private boolean moving;

  /**
   * Prepares the steps of a run on one device.
   *
   * @param model what is trained
   * @param parameters its memory, with the states that the optimizer needs
   * @param config seed, precision and update
   */
  public TrainingStep(DetectionModel model, ParameterArena parameters, TrainConfig config) {
    this(model, parameters, config, new StepSynchronization(parameters));
  }

  TrainingStep(
      DetectionModel model,
      ParameterArena parameters,
      TrainConfig config,
      StepSynchronization synchronization) {
    this.backend = parameters.backend();
    this.model = model;
    this.lossNames = model.lossNames();
    this.parameters = parameters;
    this.config = config;
    this.synchronization = synchronization;
    this.mixedSeed = SampleKey.mix(config.seed());
  }

  /**
   * What a step found.
   *
   * @param losses of the whole batch
   * @param stop whether a replica asks all to stop after this step
   * @param times what it cost to average gradients
   */
  public record Outcome(LossValues losses, boolean stop, AllReduceTimes times) {}

  /**
   * Trains on a batch.
   *
   * @param batch this replica's shard of it
   * @param step its number in the run, from 0, which with the seed decides the samples
   * @param learningRate its rate
   * @return the losses
   * @throws TrainingException if a loss or a gradient is not finite
   */
  public LossValues run(DeviceBatch batch, long step, double learningRate) {
    return run(batch, step, learningRate, () -> {}).losses();
  }

  /**
   * Trains on a batch.
   *
   * @param batch this replica's shard of it
   * @param step its number in the run, from 0, which with the seed decides the samples
   * @param learningRate its rate
   * @param whenQueued runs when the device has all of the step to do, before it is waited for
   * @return what it found
   * @throws TrainingException if a loss or a gradient is not finite
   */
  Outcome run(DeviceBatch batch, long step, double learningRate, Runnable whenQueued) {
    try (TensorScope scope = new TensorScope(backend.pool())) {
      Ops ops =
          new Ops(backend, scope, new Tape(), config.precision(), synchronization.sharedNorms());
      synchronization.begin(ops, batch.shard());
      backend.copies().fill(parameters.gradients(), 0);
      int count = lossNames.size();
      int shared = synchronization.numbers(count);
      Tensor report = ops.allocate(DType.F32, count + shared + 1);
      if (batch.shard().count() > 0) {
        long seed =
            DetectionModel.seedOfPart(SampleKey.mix(mixedSeed + step), batch.shard().first());
        Tensor losses = model.loss(ops, batch.inputs(), batch.targets(), seed);
        ops.backward();
        backend.copies().copy(losses, report.rows(0, count));
      } else {
        backend.copies().fill(report.rows(0, count), 0);
      }
      synchronization.end(report.rows(0, count), report.rows(count, shared));
      moving = true;
      update(step, learningRate, report.rows(count + shared, 1));
      whenQueued.run();
      float[] values = ops.download(report);
      LossValues own = LossValues.of(lossNames, values);
      Outcome outcome =
          synchronization.outcome(own, Arrays.copyOfRange(values, count, count + shared));
      if (own.areFinite() && !outcome.losses().areFinite()) {
        throw new CommunicatorException(
            "the loss of another replica is not finite in step " + (step + 1), List.of(), null);
      }
      if (!own.areFinite() || !Float.isFinite(values[count + shared])) {
        throw notFinite(own, batch, step, learningRate);
      }
      moving = false;
      return outcome;
    }
  }

  /** {@return whether the parameters are no longer those of the last step that ended well} */
  boolean hasMoved() {
    return moving;
  }

  /** Clips the gradients, where that is asked for, and has the optimizer move the parameters. */
  private void update(long step, double learningRate, Tensor squaredNorm) {
    backend.updates().squaredNorm(parameters.gradients(), squaredNorm);
    config
        .update()
        .clipNorm()
        .ifPresent(
            norm ->
                backend.updates().clipByNorm(parameters.gradients(), squaredNorm, (float) norm));
    config.update().optimizer().update(parameters, learningRate, step);
  }

  private static TrainingException notFinite(
      LossValues losses, DeviceBatch batch, long step, double learningRate) {
    return new TrainingException(
        "%s not finite in step %d: %s; images %s; the learning rate was %s, try a lower one, a longer warm-up or gradient clipping"
            .formatted(
                losses.areFinite() ? "a gradient is" : "the loss is",
                step + 1,
                losses,
                String.join(", ", batch.fileNames()),
                learningRate));
  }
}

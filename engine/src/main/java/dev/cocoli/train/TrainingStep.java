package dev.cocoli.train;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.BufferPool;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.backend.spec.SampleKey;
import dev.cocoli.data.Batch;
import dev.cocoli.data.Shard;
import dev.cocoli.detection.DetectionModel;
import dev.cocoli.detection.Inputs;
import dev.cocoli.detection.LossValues;
import dev.cocoli.distributed.Communicator.AllReduceTimes;
import dev.cocoli.distributed.CommunicatorException;
import dev.cocoli.nn.ParameterArena;
import dev.cocoli.ops.Ops;
import dev.cocoli.ops.Tape;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Precision;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.train.optim.Sgd;
import dev.cocoli.train.parallel.StepSynchronization;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * One step on one device: upload, losses, gradients, what the other replicas found, update, one
 * download. All of it runs on the calling thread, which is always the same one; nothing of a step
 * but the parameters outlives it.
 */
public final class TrainingStep implements AutoCloseable {

  /** Names the batch behind the one that is trained on, if it is at hand. */
  @FunctionalInterface
  interface Upcoming {
    /** At the end of the data, or where it cannot be known. */
    Upcoming NONE = Optional::empty;

    /** Asked once a step, when all of it is queued and nothing has been waited for. */
    Optional<Batch> batch();
  }

  private final Backend backend;
  private final DetectionModel model;
  private final List<String> lossNames;
  private final StepSynchronization synchronization;
  private final Sgd sgd;
  private final long mixedSeed;
  private final Precision precision;

  /** Where images lie that are sent a step ahead: apart, so that steps find the pool as ever. */
  private final BufferPool ahead;

  /** Those of the next batch, or null. */
  private UploadedImages next;

  /** Steps on one device. */
  TrainingStep(DetectionModel model, ParameterArena parameters, TrainConfig config) {
    this(model, parameters, config, new StepSynchronization.Alone(parameters));
  }

  TrainingStep(
      DetectionModel model,
      ParameterArena parameters,
      TrainConfig config,
      StepSynchronization synchronization) {
    this.backend = parameters.backend();
    this.model = model;
    this.lossNames = model.lossNames();
    this.synchronization = synchronization;
    this.sgd = new Sgd(parameters, config);
    this.mixedSeed = SampleKey.mix(config.seed());
    this.precision = config.precision();
    this.ahead = new BufferPool(backend::allocate);
  }

  /**
   * What a step found.
   *
   * @param losses of the whole batch
   * @param stop whether a replica asks all to stop behind this step
   * @param times what it cost to average gradients
   */
  public record Outcome(LossValues losses, boolean stop, AllReduceTimes times) {}

  /** Trains on a whole batch; see the other. */
  LossValues run(Batch batch, long step, double learningRate) {
    Shard all = Shard.of(batch.images().size(), 0, 1);
    return run(batch, all, step, learningRate, false, Upcoming.NONE).losses();
  }

  /**
   * Trains on a batch.
   *
   * @param batch this replica's part, closed as soon as it is on the device
   * @param shard which part it is
   * @param step its number in the run, from 0, which with the seed decides the samples
   * @param learningRate its rate
   * @param stop whether this replica asks all to stop behind this step
   * @param upcoming the batch behind it, whose images may be sent to the device meanwhile
   * @return what it found
   * @throws TrainingException if a loss or a gradient is not finite
   */
  Outcome run(
      Batch batch, Shard shard, long step, double learningRate, boolean stop, Upcoming upcoming) {
    try (UploadedImages images = images(batch);
        TensorScope scope = new TensorScope(backend.pool())) {
      Ops ops = new Ops(backend, scope, new Tape(), precision, synchronization.sharedNorms());
      synchronization.begin(ops, shard);
      sgd.zeroGradients();
      Tensor losses = null;
      if (shard.count() > 0) {
        Inputs inputs = new Inputs(images.tensors(), batch.proposals());
        long seed = DetectionModel.seedOfPart(SampleKey.mix(mixedSeed + step), shard.first());
        losses = model.loss(ops, inputs, batch.targets(), seed);
        ops.backward();
      }
      int count = lossNames.size();
      int shared = synchronization.numbers(count);
      Tensor report = ops.allocate(DType.F32, count + shared + 1);
      if (losses == null) {
        backend.copies().fill(report.rows(0, count), 0);
      } else {
        backend.copies().copy(losses, report.rows(0, count));
      }
      synchronization.end(report.rows(0, count), report.rows(count, shared), stop);
      sgd.update(learningRate, report.rows(count + shared, 1));
      if (backend.transfers().copiesBeside()) {
        upcoming.batch().ifPresent(b -> next = new UploadedImages(backend, ahead, b));
      }
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
      return outcome;
    }
  }

  /** Those that were sent with the step before, or sent now. */
  private UploadedImages images(Batch batch) {
    UploadedImages sent = next;
    next = null;
    if (sent != null && sent.areOf(batch)) {
      return sent;
    }
    if (sent != null) {
      sent.close();
    }
    return new UploadedImages(backend, backend.pool(), batch);
  }

  @Override
  public void close() {
    if (next != null) {
      next.close();
      next = null;
    }
    ahead.close();
  }

  private static TrainingException notFinite(
      LossValues losses, Batch batch, long step, double learningRate) {
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

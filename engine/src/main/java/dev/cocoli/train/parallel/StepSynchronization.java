package dev.cocoli.train.parallel;

import dev.cocoli.backend.Backend;
import dev.cocoli.data.Shard;
import dev.cocoli.detection.LossValues;
import dev.cocoli.distributed.Communicator;
import dev.cocoli.distributed.Communicator.AllReduceTimes;
import dev.cocoli.nn.ParameterArena;
import dev.cocoli.ops.Ops;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.train.TrainingStep;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/** What a step has to do with those of the other replicas; with none of them, where it is alone. */
public sealed class StepSynchronization {
  private static final AllReduceTimes NO_TIME = new AllReduceTimes(0, 0);

  private final ParameterArena parameters;

  /**
   * Creates the synchronization of a single replica.
   *
   * @param parameters the parameters of the model
   */
  public StepSynchronization(ParameterArena parameters) {
    this.parameters = parameters;
  }

  /**
   * {@return how many numbers of a step travel beside the gradients}
   *
   * @param losses how many losses the model has
   */
  public int numbers(int losses) {
    return 0;
  }

  /** {@return who batch norms share their statistics with} */
  public Optional<Communicator> sharedNorms() {
    return Optional.empty();
  }

  /**
   * Begins a step; watches the parameters.
   *
   * @param ops what the step is computed with
   * @param shard the part of the batch that it is about
   */
  public void begin(Ops ops, Shard shard) {
    parameters.watch(ops.tape());
  }

  /**
   * After the backward pass: the gradients become those of the whole batch.
   *
   * @param losses {@code [L]} of this replica
   * @param shared as many as {@link #numbers}, written
   */
  public void end(Tensor losses, Tensor shared) {
    // all is here
  }

  /**
   * {@return what the step found, in the mean of all}
   *
   * @param own the losses of this replica
   * @param shared what {@link #end} wrote, once it is read
   */
  public TrainingStep.Outcome outcome(LossValues own, float[] shared) {
    return new TrainingStep.Outcome(own, false, NO_TIME);
  }

  /** Averages gradients and losses; asks for a stop by a number beside the losses. */
  static final class Averaging extends StepSynchronization {
    private final Backend backend;
    private final Communicator communicator;
    private final GradientBuckets buckets;
    private final Optional<Communicator> sharedNorms;
    private final BooleanSupplier isStopRequested;

    Averaging(
        ParameterArena parameters,
        Communicator communicator,
        ParallelConfig config,
        BooleanSupplier isStopRequested) {
      super(parameters);
      this.isStopRequested = isStopRequested;
      this.backend = parameters.backend();
      this.communicator = communicator;
      buckets = new GradientBuckets(parameters, communicator, config);
      sharedNorms =
          config.norms() == NormStatistics.SHARED ? Optional.of(communicator) : Optional.empty();
    }

    @Override
    public Optional<Communicator> sharedNorms() {
      return sharedNorms;
    }

    @Override
    public int numbers(int losses) {
      return losses + 1;
    }

    @Override
    public void begin(Ops ops, Shard shard) {
      buckets.begin(ops, shard.weight(communicator.size()));
    }

    @Override
    public void end(Tensor losses, Tensor shared) {
      long count = losses.elementCount();
      backend.copies().copy(losses, shared.rows(0, count));
      buckets.weigh(shared.rows(0, count));
      backend.copies().fill(shared.rows(count, 1), isStopRequested.getAsBoolean() ? 1 : 0);
      buckets.sendAlong(shared);
      buckets.finish();
    }

    @Override
    public TrainingStep.Outcome outcome(LossValues own, float[] shared) {
      communicator.awaitAllReduces(); // throws if a GPU went on without the others' gradients
      return new TrainingStep.Outcome(
          LossValues.of(own.names(), shared),
          shared[own.names().size()] > 0,
          communicator.takeAllReduceTimes());
    }
  }
}

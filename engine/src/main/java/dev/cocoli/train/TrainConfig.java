package dev.cocoli.train;

import dev.cocoli.data.DataConfig;
import dev.cocoli.tensor.Precision;
import dev.cocoli.train.optim.LearningRateSchedule;
import dev.cocoli.train.optim.Optimizer;
import java.util.function.UnaryOperator;

/**
 * How to train.
 *
 * <pre>{@code
 * TrainConfig config =
 *     TrainConfig.DEFAULT
 *         .withEpochs(10)
 *         .withBatch(4)
 *         .withLearningRate(0.01)
 *         .withData(d -> d.withWorkers(2));
 * }</pre>
 *
 * @param epochs passes over the training data
 * @param batch images per step, over all devices
 * @param seed decides first weights, order, augmentations and samples
 * @param precision what the network computes in, in training and in its evaluations
 * @param logEvery steps from one line of the metrics to the next
 * @param update how a step moves the parameters
 * @param data how images are loaded
 * @param evaluation when and how the model is scored
 * @param checkpoint when a checkpoint is written
 */
public record TrainConfig(
    int epochs,
    int batch,
    long seed,
    Precision precision,
    int logEvery,
    UpdateConfig update,
    DataConfig data,
    EvaluationConfig evaluation,
    CheckpointConfig checkpoint) {

  /** torchvision's learning rate, and the batch that it is meant for. */
  private static final double REFERENCE_RATE = 0.02;

  private static final int REFERENCE_BATCH = 16;

  /**
   * torchvision's reference for detection, over the 12 epochs of Detectron's shortest schedule,
   * with a batch that fits a processor.
   */
  public static final TrainConfig DEFAULT =
      new TrainConfig(
          12,
          2,
          0,
          Precision.FP32,
          10,
          UpdateConfig.DEFAULT,
          DataConfig.DEFAULT,
          EvaluationConfig.DEFAULT,
          CheckpointConfig.DEFAULT);

  /** Checks the ranges. */
  public TrainConfig {
    require(epochs >= 1, "epochs", "at least 1", epochs);
    require(batch >= 1, "batch", "at least 1", batch);
    require(logEvery >= 1, "log-every", "at least 1", logEvery);
  }

  /** Throws unless a setting, named as the command line does, is in its range. */
  static void require(boolean holds, String name, String range, Object value) {
    if (!holds) {
      throw new IllegalArgumentException(name + " is " + range + ", not " + value);
    }
  }

  /** {@return the given learning rate, or else 0.02 x batch / 16, the linear scaling rule} */
  public double fullLearningRate() {
    return update.learningRate().orElse(REFERENCE_RATE * batch / REFERENCE_BATCH);
  }

  /**
   * {@return this configuration with another length}
   *
   * @param count passes over the training data
   */
  public TrainConfig withEpochs(int count) {
    return new TrainConfig(
        count, batch, seed, precision, logEvery, update, data, evaluation, checkpoint);
  }

  /**
   * {@return this configuration with another batch}
   *
   * @param images per step, over all devices
   */
  public TrainConfig withBatch(int images) {
    return new TrainConfig(
        epochs, images, seed, precision, logEvery, update, data, evaluation, checkpoint);
  }

  /**
   * {@return this configuration with another seed}
   *
   * @param number decides first weights, order, augmentations and samples
   */
  public TrainConfig withSeed(long number) {
    return new TrainConfig(
        epochs, batch, number, precision, logEvery, update, data, evaluation, checkpoint);
  }

  /**
   * {@return this configuration with another precision}
   *
   * @param other what the network computes in
   */
  public TrainConfig withPrecision(Precision other) {
    return new TrainConfig(
        epochs, batch, seed, other, logEvery, update, data, evaluation, checkpoint);
  }

  /**
   * {@return this configuration with fewer or more metrics}
   *
   * @param steps from one line of the metrics to the next
   */
  public TrainConfig withLogEvery(int steps) {
    return new TrainConfig(
        epochs, batch, seed, precision, steps, update, data, evaluation, checkpoint);
  }

  /**
   * {@return this configuration with parameters moved in another way}
   *
   * @param change of how a step moves the parameters
   */
  public TrainConfig withUpdate(UnaryOperator<UpdateConfig> change) {
    UpdateConfig other = change.apply(update);
    return new TrainConfig(
        epochs, batch, seed, precision, logEvery, other, data, evaluation, checkpoint);
  }

  /**
   * {@return this configuration with another optimizer; short for a change of the update}
   *
   * @param optimizer what moves the parameters
   */
  public TrainConfig withOptimizer(Optimizer optimizer) {
    return withUpdate(before -> before.withOptimizer(optimizer));
  }

  /**
   * {@return this configuration with a learning rate; short for a change of the update}
   *
   * @param rate the full rate, instead of the one that scales with the batch
   */
  public TrainConfig withLearningRate(double rate) {
    return withUpdate(before -> before.withLearningRate(rate));
  }

  /**
   * {@return this configuration with another schedule; short for a change of the update}
   *
   * @param schedule the part of the full rate that each step takes
   */
  public TrainConfig withSchedule(LearningRateSchedule schedule) {
    return withUpdate(before -> before.withSchedule(schedule));
  }

  /**
   * {@return this configuration with images loaded in another way}
   *
   * @param change of how images are loaded
   */
  public TrainConfig withData(UnaryOperator<DataConfig> change) {
    DataConfig other = change.apply(data);
    return new TrainConfig(
        epochs, batch, seed, precision, logEvery, update, other, evaluation, checkpoint);
  }

  /**
   * {@return this configuration with other evaluations}
   *
   * @param change of when and how the model is scored
   */
  public TrainConfig withEvaluation(UnaryOperator<EvaluationConfig> change) {
    EvaluationConfig other = change.apply(evaluation);
    return new TrainConfig(
        epochs, batch, seed, precision, logEvery, update, data, other, checkpoint);
  }

  /**
   * {@return this configuration with other checkpoints}
   *
   * @param change of when a checkpoint is written
   */
  public TrainConfig withCheckpoint(UnaryOperator<CheckpointConfig> change) {
    CheckpointConfig other = change.apply(checkpoint);
    return new TrainConfig(
        epochs, batch, seed, precision, logEvery, update, data, evaluation, other);
  }
}

package dev.cocoli.train;

import dev.cocoli.data.BrokenImagePolicy;
import dev.cocoli.data.LastBatch;
import dev.cocoli.tensor.Precision;
import java.time.Duration;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/** Changes some settings of a {@link TrainConfig}. The ranges are checked when it is built. */
public final class TrainConfigBuilder {
  private int epochs;
  private int batch;
  private OptionalDouble learningRate;
  private OptionalInt warmupSteps;
  private List<Double> lrSteps;
  private double momentum;
  private double weightDecay;
  private double flip;
  private OptionalDouble clipNorm;
  private long seed;
  private int logEvery;
  private int evaluateEvery;
  private int evaluationBatch;
  private OptionalInt earlyStopPatience;
  private OptionalInt checkpointSteps;
  private Duration checkpointInterval;
  private int loaderThreads;
  private int prefetchBatches;
  private BrokenImagePolicy brokenImages;
  private Precision precision;
  private LastBatch lastBatch;

  TrainConfigBuilder(TrainConfig from) {
    epochs = from.epochs();
    batch = from.batch();
    learningRate = from.learningRate();
    warmupSteps = from.warmupSteps();
    lrSteps = from.lrSteps();
    momentum = from.momentum();
    weightDecay = from.weightDecay();
    flip = from.flip();
    clipNorm = from.clipNorm();
    seed = from.seed();
    logEvery = from.logEvery();
    evaluateEvery = from.evaluateEvery();
    evaluationBatch = from.evaluationBatch();
    earlyStopPatience = from.earlyStopPatience();
    checkpointSteps = from.checkpointSteps();
    checkpointInterval = from.checkpointInterval();
    loaderThreads = from.loaderThreads();
    prefetchBatches = from.prefetchBatches();
    brokenImages = from.brokenImages();
    precision = from.precision();
    lastBatch = from.lastBatch();
  }

  /**
   * Sets one setting.
   *
   * @param value passes over the training data
   * @return this
   */
  public TrainConfigBuilder epochs(int value) {
    epochs = value;
    return this;
  }

  /**
   * Sets one setting.
   *
   * @param value images a step, over all devices
   * @return this
   */
  public TrainConfigBuilder batch(int value) {
    batch = value;
    return this;
  }

  /**
   * Sets one setting.
   *
   * @param value the full rate, instead of the one that scales with the batch
   * @return this
   */
  public TrainConfigBuilder learningRate(double value) {
    learningRate = OptionalDouble.of(value);
    return this;
  }

  /**
   * Sets one setting.
   *
   * @param value steps over which the rate rises; 0 for none
   * @return this
   */
  public TrainConfigBuilder warmupSteps(int value) {
    warmupSteps = OptionalInt.of(value);
    return this;
  }

  /**
   * Sets one setting.
   *
   * @param value fractions of the run behind which the rate falls to a tenth; none for a constant
   *     rate
   * @return this
   */
  public TrainConfigBuilder lrSteps(List<Double> value) {
    lrSteps = value;
    return this;
  }

  /**
   * Sets one setting.
   *
   * @param value the share of a step's velocity that the next one keeps
   * @return this
   */
  public TrainConfigBuilder momentum(double value) {
    momentum = value;
    return this;
  }

  /**
   * Sets one setting.
   *
   * @param value times a parameter, added to its gradient
   * @return this
   */
  public TrainConfigBuilder weightDecay(double value) {
    weightDecay = value;
    return this;
  }

  /**
   * Sets one setting.
   *
   * @param value how likely an image is mirrored, 0 to 1
   * @return this
   */
  public TrainConfigBuilder flip(double value) {
    flip = value;
    return this;
  }

  /**
   * Sets one setting.
   *
   * @param value the most that the norm of all gradients may be
   * @return this
   */
  public TrainConfigBuilder clipNorm(double value) {
    clipNorm = OptionalDouble.of(value);
    return this;
  }

  /**
   * Sets one setting.
   *
   * @param value decides first weights, order, flips and samples
   * @return this
   */
  public TrainConfigBuilder seed(long value) {
    seed = value;
    return this;
  }

  /**
   * Sets one setting.
   *
   * @param value steps from one line of the metrics to the next
   * @return this
   */
  public TrainConfigBuilder logEvery(int value) {
    logEvery = value;
    return this;
  }

  /**
   * Sets one setting.
   *
   * @param value epochs from one evaluation to the next
   * @return this
   */
  public TrainConfigBuilder evaluateEvery(int value) {
    evaluateEvery = value;
    return this;
  }

  /**
   * Sets one setting.
   *
   * @param value images that go through the network together in an evaluation
   * @return this
   */
  public TrainConfigBuilder evaluationBatch(int value) {
    evaluationBatch = value;
    return this;
  }

  /**
   * Sets one setting.
   *
   * @param value so many evaluations in a row without a better AP end the run
   * @return this
   */
  public TrainConfigBuilder earlyStopPatience(int value) {
    earlyStopPatience = OptionalInt.of(value);
    return this;
  }

  /**
   * Sets one setting.
   *
   * @param value steps after which a checkpoint is due, besides those at the end of epochs
   * @return this
   */
  public TrainConfigBuilder checkpointSteps(int value) {
    checkpointSteps = OptionalInt.of(value);
    return this;
  }

  /**
   * Sets one setting.
   *
   * @param value time after which a checkpoint is due
   * @return this
   */
  public TrainConfigBuilder checkpointInterval(Duration value) {
    checkpointInterval = value;
    return this;
  }

  /**
   * Sets one setting.
   *
   * @param value threads that decode images
   * @return this
   */
  public TrainConfigBuilder loaderThreads(int value) {
    loaderThreads = value;
    return this;
  }

  /**
   * Sets one setting.
   *
   * @param value batches that are decoded ahead
   * @return this
   */
  public TrainConfigBuilder prefetchBatches(int value) {
    prefetchBatches = value;
    return this;
  }

  /**
   * Sets one setting.
   *
   * @param value what to do with an image that cannot be decoded
   * @return this
   */
  public TrainConfigBuilder brokenImages(BrokenImagePolicy value) {
    brokenImages = value;
    return this;
  }

  /**
   * Sets one setting.
   *
   * @param value what the network computes in
   * @return this
   */
  public TrainConfigBuilder precision(Precision value) {
    precision = value;
    return this;
  }

  /**
   * Sets one setting.
   *
   * @param value what becomes of images that do not fill the last batch of an epoch
   * @return this
   */
  public TrainConfigBuilder lastBatch(LastBatch value) {
    lastBatch = value;
    return this;
  }

  /**
   * {@return the settings}
   *
   * @throws IllegalArgumentException if one is out of its range
   */
  public TrainConfig build() {
    return new TrainConfig(
        epochs,
        batch,
        learningRate,
        warmupSteps,
        lrSteps,
        momentum,
        weightDecay,
        flip,
        clipNorm,
        seed,
        logEvery,
        evaluateEvery,
        evaluationBatch,
        earlyStopPatience,
        checkpointSteps,
        checkpointInterval,
        loaderThreads,
        prefetchBatches,
        brokenImages,
        precision,
        lastBatch);
  }
}

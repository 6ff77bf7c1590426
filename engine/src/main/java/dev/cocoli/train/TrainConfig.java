package dev.cocoli.train;

import dev.cocoli.data.BrokenImagePolicy;
import dev.cocoli.data.LastBatch;
import dev.cocoli.tensor.Precision;
import dev.cocoli.train.optim.LearningRateSchedule;
import java.time.Duration;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/**
 * How to train, under the words of the command line. {@link #DEFAULT} is torchvision's reference
 * recipe; {@link #builder()} changes some of it.
 *
 * @param epochs passes over the training data
 * @param batch images a step, over all devices
 * @param learningRate the full rate; without one, {@link #scaledLearningRate()}
 * @param warmupSteps steps over which the rate rises; without a number, a tenth of the run, 1,000
 *     at most
 * @param lrSteps fractions of the run behind which the rate falls to a tenth
 * @param momentum the share of a step's velocity that the next one keeps
 * @param weightDecay times a parameter, added to its gradient
 * @param flip how likely an image is mirrored, 0 to 1
 * @param clipNorm the most that the norm of all gradients may be; without one they are left alone
 * @param seed decides first weights, order, flips and samples
 * @param logEvery steps from one line of the metrics to the next
 * @param evaluateEvery epochs from one evaluation to the next; the last is always evaluated
 * @param evaluationBatch images that go through the network together in an evaluation; one, as in
 *     torchvision's reference, scores as detection does
 * @param earlyStopPatience so many evaluations in a row without a better AP end the run; without a
 *     number it runs to its end
 * @param checkpointSteps steps after which a checkpoint is due, besides those at the end of epochs
 * @param checkpointInterval time after which one is due
 * @param loaderThreads threads that decode images
 * @param prefetchBatches batches that are decoded ahead
 * @param brokenImages what to do with an image that cannot be decoded
 * @param precision what the network computes in, in training and in its evaluations
 * @param lastBatch what becomes of images that do not fill the last batch of an epoch
 */
public record TrainConfig(
    int epochs,
    int batch,
    OptionalDouble learningRate,
    OptionalInt warmupSteps,
    List<Double> lrSteps,
    double momentum,
    double weightDecay,
    double flip,
    OptionalDouble clipNorm,
    long seed,
    int logEvery,
    int evaluateEvery,
    int evaluationBatch,
    OptionalInt earlyStopPatience,
    OptionalInt checkpointSteps,
    Duration checkpointInterval,
    int loaderThreads,
    int prefetchBatches,
    BrokenImagePolicy brokenImages,
    Precision precision,
    LastBatch lastBatch) {

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
          OptionalDouble.empty(),
          OptionalInt.empty(),
          List.of(0.67, 0.92),
          0.9,
          1e-4,
          0.5,
          OptionalDouble.empty(),
          0,
          10,
          1,
          1,
          OptionalInt.empty(),
          OptionalInt.empty(),
          Duration.ofMinutes(10),
          Runtime.getRuntime().availableProcessors(),
          2,
          BrokenImagePolicy.SKIP,
          Precision.FP32,
          LastBatch.DROP);

  /** Copies the list and checks the ranges. */
  public TrainConfig {
    lrSteps = List.copyOf(lrSteps);
    check(epochs >= 1, "epochs", epochs, "at least 1");
    check(batch >= 1, "batch", batch, "at least 1");
    learningRate.ifPresent(rate -> check(positive(rate), "lr", rate, "positive"));
    warmupSteps.ifPresent(steps -> check(steps >= 0, "warmup", steps, "at least 0"));
    for (double fraction : lrSteps) {
      check(fraction > 0 && fraction < 1, "lr-steps", fraction, "between 0 and 1");
    }
    check(momentum >= 0 && momentum < 1, "momentum", momentum, "at least 0 and less than 1");
    check(
        weightDecay >= 0 && Double.isFinite(weightDecay),
        "weight-decay",
        weightDecay,
        "at least 0");
    check(flip >= 0 && flip <= 1, "flip", flip, "0 to 1");
    clipNorm.ifPresent(norm -> check(positive(norm), "clip-norm", norm, "positive"));
    check(logEvery >= 1, "log-every", logEvery, "at least 1");
    check(evaluateEvery >= 1, "evaluate-every", evaluateEvery, "at least 1");
    check(evaluationBatch >= 1, "evaluation-batch", evaluationBatch, "at least 1");
    earlyStopPatience.ifPresent(n -> check(n >= 1, "early-stop", n, "at least 1"));
    checkpointSteps.ifPresent(n -> check(n >= 1, "checkpoint-steps", n, "at least 1"));
    check(checkpointInterval.isPositive(), "checkpoint-interval", checkpointInterval, "positive");
    check(loaderThreads >= 1, "loader-threads", loaderThreads, "at least 1");
    check(prefetchBatches >= 0, "prefetch", prefetchBatches, "at least 0");
  }

  private static boolean positive(double value) {
    return value > 0 && Double.isFinite(value);
  }

  private static void check(boolean holds, String name, Object value, String rule) {
    if (!holds) {
      throw new IllegalArgumentException(name + " is " + rule + ", not " + value);
    }
  }

  /** {@return the given learning rate, or else 0.02 x batch / 16, the linear scaling rule} */
  public double scaledLearningRate() {
    return learningRate.orElse(REFERENCE_RATE * batch / REFERENCE_BATCH);
  }

  /**
   * {@return the learning rate of each step}
   *
   * @param totalSteps steps of the whole run
   */
  public LearningRateSchedule schedule(long totalSteps) {
    long warmup =
        warmupSteps.isPresent()
            ? warmupSteps.getAsInt()
            : LearningRateSchedule.defaultWarmupSteps(totalSteps);
    return new LearningRateSchedule(scaledLearningRate(), warmup, lrSteps, totalSteps);
  }

  /** {@return a builder that starts from {@link #DEFAULT}} */
  public static TrainConfigBuilder builder() {
    return new TrainConfigBuilder(DEFAULT);
  }

  /** {@return a builder that starts from this} */
  public TrainConfigBuilder toBuilder() {
    return new TrainConfigBuilder(this);
  }
}

package dev.cocoli.train;

import java.time.Duration;
import java.util.OptionalInt;

/**
 * When a run writes a checkpoint, besides the one at the end of each epoch.
 *
 * @param steps after which one is due
 * @param interval after which one is due
 */
public record CheckpointConfig(OptionalInt steps, Duration interval) {

  /** Every ten minutes. */
  public static final CheckpointConfig DEFAULT =
      new CheckpointConfig(OptionalInt.empty(), Duration.ofMinutes(10));

  /** Checks the ranges. */
  public CheckpointConfig {
    steps.ifPresent(n -> TrainConfig.require(n >= 1, "checkpoint-steps", "at least 1", n));
    TrainConfig.require(interval.isPositive(), "checkpoint-interval", "positive", interval);
  }

  /**
   * {@return this configuration with a number of steps}
   *
   * @param count after which a checkpoint is due
   */
  public CheckpointConfig withSteps(int count) {
    return new CheckpointConfig(OptionalInt.of(count), interval);
  }

  /**
   * {@return this configuration with another interval}
   *
   * @param time after which a checkpoint is due
   */
  public CheckpointConfig withInterval(Duration time) {
    return new CheckpointConfig(steps, time);
  }
}

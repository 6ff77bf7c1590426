package dev.cocoli.train.optim;

import java.util.List;

/**
 * The learning rate of each step: rises in a line over the warm-up, falls to a tenth behind each of
 * a few fractions of the run (Goyal et al. 2017; He et al. 2016).
 *
 * @param rate the full rate
 * @param warmupSteps step i of the first so many takes (i + 1) / warmupSteps of the rate; 0 for
 *     none
 * @param dropFractions fractions of the run behind which the rate is a tenth of what it was
 * @param totalSteps steps of the whole run
 */
public record LearningRateSchedule(
    double rate, long warmupSteps, List<Double> dropFractions, long totalSteps) {
  /** What a drop leaves: torchvision's {@code lr_gamma}. */
  private static final double GAMMA = 0.1;

  /** The longest warm-up of torchvision's reference, and ours by default. */
  private static final long MOST_WARMUP_STEPS = 1000;

  /** Copies the fractions. */
  public LearningRateSchedule {
    dropFractions = List.copyOf(dropFractions);
  }

  /**
   * {@return the warm-up of a run that asks for none in particular: a tenth of it, but no more than
   * torchvision's 1,000 steps}
   *
   * @param totalSteps steps of the whole run
   */
  public static long defaultWarmupSteps(long totalSteps) {
    return Math.min(MOST_WARMUP_STEPS, totalSteps / 10);
  }

  /**
   * {@return the rate of a step}
   *
   * @param step from 0
   */
  public double rateAt(long step) {
    double factor = warmupSteps == 0 ? 1 : Math.min(1, (step + 1) / (double) warmupSteps);
    for (double fraction : dropFractions) {
      if (step > fraction * totalSteps) {
        factor *= GAMMA;
      }
    }
    return rate * factor;
  }
}

package dev.cocoli.train.optim;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/**
 * A rate that rises in a line over the warm-up and falls to a tenth after each of a few fractions
 * of the run (Goyal et al. 2017; He et al. 2016).
 *
 * @param warmup step i of the first so many takes (i + 1) / warmup of the rate; 0 for none; without
 *     a number, a tenth of the run, but no more than torchvision's 1,000 steps
 * @param dropFractions fractions of the run after which the rate is a tenth of what it was
 */
public record StepSchedule(OptionalInt warmup, List<Double> dropFractions)
    implements LearningRateSchedule {
  /** The drops of torchvision's reference for detection, after epochs 16 and 22 of 24, about. */
  public static final StepSchedule DEFAULT =
      new StepSchedule(OptionalInt.empty(), List.of(0.67, 0.92));

  /** What a drop leaves: torchvision's {@code lr_gamma}. */
  private static final double GAMMA = 0.1;

  /** The longest warm-up of torchvision's reference, and ours by default. */
  private static final long MOST_WARMUP_STEPS = 1000;

  /** Copies the fractions and checks the ranges. */
  public StepSchedule {
    dropFractions = List.copyOf(dropFractions);
    if (warmup.isPresent() && warmup.getAsInt() < 0) {
      throw new IllegalArgumentException("warmup is at least 0, not " + warmup.getAsInt());
    }
    for (double fraction : dropFractions) {
      if (!(fraction > 0 && fraction < 1)) {
        throw new IllegalArgumentException("lr-steps is between 0 and 1, not " + fraction);
      }
    }
  }

  /**
   * {@return this schedule with another warm-up}
   *
   * @param steps over which the rate rises; 0 for none
   */
  public StepSchedule withWarmup(int steps) {
    return new StepSchedule(OptionalInt.of(steps), dropFractions);
  }

  /**
   * {@return this schedule with other drops}
   *
   * @param fractions of the run after which the rate falls to a tenth; none for a constant rate
   */
  public StepSchedule withDropFractions(List<Double> fractions) {
    return new StepSchedule(warmup, fractions);
  }

  @Override
  public String name() {
    return "steps";
  }

  @Override
  public Map<String, String> settings() {
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("warmup", warmup.isPresent() ? Integer.toString(warmup.getAsInt()) : "null");
    settings.put("lr_steps", dropFractions.toString());
    return settings;
  }

  @Override
  public long warmupSteps(long totalSteps) {
    return warmup.isPresent() ? warmup.getAsInt() : Math.min(MOST_WARMUP_STEPS, totalSteps / 10);
  }

  @Override
  public double factorAt(long step, long totalSteps) {
    long rising = warmupSteps(totalSteps);
    double factor = rising == 0 ? 1 : Math.min(1, (step + 1) / (double) rising);
    for (double fraction : dropFractions) {
      if (step > fraction * totalSteps) {
        factor *= GAMMA;
      }
    }
    return factor;
  }
}

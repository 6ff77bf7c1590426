package dev.cocoli.train.optim;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

class LearningRateScheduleTest {
  private static LearningRateSchedule schedule(int warmup, Double... dropFractions) {
    return new StepSchedule(OptionalInt.of(warmup), List.of(dropFractions));
  }

  /** {@code lambda i: min(1, (i + 1) / 100) * (0.1 if i > 0.75 * steps else 1)}, to the bit. */
  @Test
  void isTheReferenceRecipe() {
    int steps = 730;
    LearningRateSchedule schedule = schedule(100, 0.75);
    for (int i = 0; i < steps; i++) {
      double expected = 0.02 * (Math.min(1, (i + 1) / 100.0) * (i > 0.75 * steps ? 0.1 : 1));
      assertEquals(expected, 0.02 * schedule.factorAt(i, steps), "step " + i);
    }
    assertEquals(1, schedule.factorAt(547, steps));
    assertEquals(0.1, schedule.factorAt(548, steps));
  }

  @Test
  void fallsAtEachFraction() {
    LearningRateSchedule schedule = schedule(0, 0.5, 0.8);
    assertEquals(1, schedule.factorAt(0, 10));
    assertEquals(1, schedule.factorAt(5, 10));
    assertEquals(0.1, schedule.factorAt(6, 10));
    assertEquals(0.1, schedule.factorAt(8, 10));
    assertEquals(0.01, schedule.factorAt(9, 10), 1e-15);
  }

  @Test
  void staysWithoutFractions() {
    assertEquals(1, schedule(0).factorAt(0, 4));
    assertEquals(1, schedule(0).factorAt(3, 4));
  }

  @Test
  void warmsUpOverATenthOfTheRunByDefault() {
    assertEquals(73, StepSchedule.DEFAULT.warmupSteps(730));
    assertEquals(1000, StepSchedule.DEFAULT.warmupSteps(90_000));
    assertEquals(0, StepSchedule.DEFAULT.warmupSteps(5));
    assertEquals(5, StepSchedule.DEFAULT.withWarmup(5).warmupSteps(730));
  }
}

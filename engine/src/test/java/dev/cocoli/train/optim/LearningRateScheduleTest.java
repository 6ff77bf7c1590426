package dev.cocoli.train.optim;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.cocoli.train.TrainConfig;
import java.util.List;
import org.junit.jupiter.api.Test;

class LearningRateScheduleTest {

  /** {@code lambda i: min(1, (i + 1) / 100) * (0.1 if i > 0.75 * steps else 1)}, to the bit. */
  @Test
  void isTheReferenceRecipe() {
    int steps = 730;
    LearningRateSchedule schedule = new LearningRateSchedule(0.02, 100, List.of(0.75), steps);
    for (int i = 0; i < steps; i++) {
      double expected = 0.02 * (Math.min(1, (i + 1) / 100.0) * (i > 0.75 * steps ? 0.1 : 1));
      assertEquals(expected, schedule.rateAt(i), "step " + i);
    }
    assertEquals(0.02, schedule.rateAt(547));
    assertEquals(0.02 * 0.1, schedule.rateAt(548));
  }

  @Test
  void fallsAtEachFraction() {
    LearningRateSchedule schedule = new LearningRateSchedule(1, 0, List.of(0.5, 0.8), 10);
    assertEquals(1, schedule.rateAt(0));
    assertEquals(1, schedule.rateAt(5));
    assertEquals(0.1, schedule.rateAt(6));
    assertEquals(0.1, schedule.rateAt(8));
    assertEquals(0.01, schedule.rateAt(9), 1e-15);
  }

  @Test
  void staysWithoutFractions() {
    LearningRateSchedule schedule = new LearningRateSchedule(3, 0, List.of(), 4);
    assertEquals(3, schedule.rateAt(0));
    assertEquals(3, schedule.rateAt(3));
  }

  @Test
  void warmsUpOverATenthOfTheRunByDefault() {
    assertEquals(73, LearningRateSchedule.defaultWarmupSteps(730));
    assertEquals(1000, LearningRateSchedule.defaultWarmupSteps(90_000));
    assertEquals(0, LearningRateSchedule.defaultWarmupSteps(5));
    assertEquals(73, TrainConfig.builder().learningRate(0.1).build().schedule(730).warmupSteps());
    assertEquals(5, TrainConfig.builder().warmupSteps(5).build().schedule(730).warmupSteps());
  }
}

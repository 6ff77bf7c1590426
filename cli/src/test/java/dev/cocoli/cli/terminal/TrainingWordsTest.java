package dev.cocoli.cli.terminal;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.cocoli.train.TrainingPlan;
import org.junit.jupiter.api.Test;

class TrainingWordsTest {
  @Test
  void oneIsSingular() {
    assertEquals(
        "training 41.3 million parameters: 1 epoch of 1 step, scored on 1 image",
        TrainingWords.plan(new TrainingPlan(0, 1, 1, 1, 8, 1, 41_300_000)));
    assertEquals(
        "training 41.3 million parameters: 2 epochs of 1,000 steps, no images to score on, from"
            + " step 7 on",
        TrainingWords.plan(new TrainingPlan(7, 2000, 1000, 2, 8000, 0, 41_300_000)));
  }
}

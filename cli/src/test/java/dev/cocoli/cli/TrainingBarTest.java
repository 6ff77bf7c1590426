package dev.cocoli.cli;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.detection.LossValues;
import dev.cocoli.train.StepReport;
import dev.cocoli.train.TrainingPlan;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import me.tongfei.progressbar.DelegatingProgressBarConsumer;
import org.junit.jupiter.api.Test;

/** Checks the bar of a long run on a terminal of 80 columns. */
class TrainingBarTest {
  @Test
  void rateLossWaitAndTimeLeftHaveRoom() {
    List<String> drawn = new CopyOnWriteArrayList<>();
    try (TrainingBar bar =
        new TrainingBar(
            new PrintWriter(new StringWriter()),
            builder -> builder.setConsumer(new DelegatingProgressBarConsumer(drawn::add, 80)))) {
      bar.started(new TrainingPlan(12_344, 98_765, 1000, 99, 2000, 0, 1));
      LossValues losses = LossValues.of(List.of("loss_a", "loss_b", "loss_c"), 1, 0.5f, 0.375f);
      bar.stepDone(new StepReport(12_345, 13, losses, 0.02, 0.5, 0.05));
    }
    String last = drawn.getLast();
    assertTrue(last.length() <= 80, last);
    assertTrue(last.contains("12345/98765"), last);
    assertTrue(last.matches(".*\\(\\d:\\d\\d:\\d\\d / [^)]+\\).*"), last);
    assertTrue(last.contains("/s loss 1.875, data wait 1%"), last);
  }
}

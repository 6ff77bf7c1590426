package dev.cocoli.cli.terminal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.detection.LossValues;
import dev.cocoli.train.StepReport;
import dev.cocoli.train.TrainingPlan;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Checks the bar of a long run, and what is printed above it. */
class TrainingBarTest {
  private final StringWriter screen = new StringWriter();
  private final StringWriter file = new StringWriter();

  private void show(int columns) {
    PrintWriter out = new PrintWriter(screen, true);
    try (ProgressLine line = new ProgressLine(out, columns)) {
      TrainingBar bar = new TrainingBar(line, line.above(out), line.above(new PrintWriter(file)));
      bar.started(new TrainingPlan(12_344, 98_765, 1000, 99, 2000, 0, 1));
      LossValues losses = LossValues.of(List.of("loss_a", "loss_b", "loss_c"), 1, 0.5f, 0.375f);
      bar.stepDone(new StepReport(12_345, 13, losses, 0.02, 0.5, 0.05));
      bar.message("something is odd");
    }
  }

  private String last() {
    return screen.toString().lines().toList().getLast().replaceAll(".*(\r|\u001b\\[K)", "");
  }

  @Test
  void at80ColumnsItIsABarWithEpochLossAndTimeLeft() {
    show(80);
    assertTrue(last().length() < 80, last());
    assertTrue(last().matches("epoch 13/99 \\[=+> {8,}] 12345/98765  12:00:10 left .*"), last());
    assertTrue(last().contains("left  loss 1.875  2.0/s"), last());
  }

  @Test
  void at200ColumnsThereIsRoomForAll() {
    show(200);
    assertTrue(last().length() < 200, last());
    assertTrue(last().matches("epoch 13/99 \\[=+> {40,}] 12345/98765 .*"), last());
    assertTrue(last().endsWith("loss 1.875  2.0/s  data wait 1%"), last());
  }

  @Test
  void whatTakesLongIsToldInSecondsOfEach() {
    assertEquals("2.0/s", TrainingWords.rate(0.5));
    assertEquals("6.7 s each", TrainingWords.rate(6.7));
  }

  @Test
  void at20ColumnsItIsCut() {
    show(20);
    assertEquals("epoch 13/99 [] 1234", last());
  }

  @Test
  void aWarningGoesToItsOwnWriterAndTheBarIsDrawnAgain() {
    show(80);
    assertEquals("cocoli: something is odd" + System.lineSeparator(), file.toString());
    String[] frames = screen.toString().split("\r\u001b\\[K");
    assertEquals("", frames[frames.length - 3], "the bar is not cleared before the warning");
    assertTrue(frames[frames.length - 2].startsWith("epoch 13/99 ["), screen.toString());
  }
}

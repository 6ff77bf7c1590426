package dev.cocoli.cli.terminal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/** Checks what a task over images prints without a terminal. */
class ImagesBarTest {
  private final StringWriter text = new StringWriter();

  private void run(long lineNanos) {
    Assumptions.assumeFalse(Terminal.isInteractive(), "lines without a terminal: there is one");
    try (ImagesBar bar = new ImagesBar("detecting", 1200, new PrintWriter(text), lineNanos)) {
      for (int i = 0; i < 1200; i++) {
        bar.step();
      }
    }
  }

  @Test
  void aShortTaskPrintsNothing() {
    run(60_000_000_000L);
    assertEquals("", text.toString());
  }

  @Test
  void aLongTaskPrintsALineNowAndThenAndNoneAtItsEnd() {
    run(-1);
    List<String> lines = text.toString().lines().toList();
    assertEquals(1199, lines.size());
    assertTrue(
        lines.get(1099).matches("detecting: 1,100 of 1,200 images, 0:00 left, [\\d.]+/s"),
        lines.get(1099));
  }
}

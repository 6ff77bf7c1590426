package dev.cocoli.cli;

import java.io.Console;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/** Checks whether there is a terminal, and creates progress bars for it. */
final class Terminal {
  private static final int UPDATE_MILLIS = 250;

  private Terminal() {}

  static boolean isInteractive() {
    Console console = System.console();
    return console != null && console.isTerminal();
  }

  /**
   * Creates a bar, on standard error by default.
   *
   * @param task the task in a short word, because there are 80 columns
   * @param done the number of items done before
   * @param total the number of all items
   */
  static ProgressBarBuilder bar(String task, long done, long total) {
    return new ProgressBarBuilder()
        .setTaskName(task)
        .setInitialMax(total)
        .startsFrom(done, Duration.ZERO)
        .setStyle(ProgressBarStyle.ASCII)
        .setUpdateIntervalMillis(UPDATE_MILLIS)
        .setSpeedUnit(ChronoUnit.SECONDS)
        .showSpeed();
  }
}

package dev.cocoli.cli;

import java.io.Console;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/** Whether someone is looking, and the bar that they are shown. */
final class Terminal {
  private static final int UPDATE_MILLIS = 250;

  private Terminal() {}

  static boolean isInteractive() {
    Console console = System.console();
    return console != null && console.isTerminal();
  }

  /**
   * Makes a bar on standard error.
   *
   * @param task what is done
   * @param unit what is counted
   * @param done how many were done before
   * @param total how many there are
   */
  static ProgressBar bar(String task, String unit, long done, long total) {
    return new ProgressBarBuilder()
        .setTaskName(task)
        .setUnit(unit, 1)
        .setInitialMax(total)
        .startsFrom(done, Duration.ZERO)
        .setStyle(ProgressBarStyle.ASCII)
        .setUpdateIntervalMillis(UPDATE_MILLIS)
        .setSpeedUnit(ChronoUnit.SECONDS)
        .showSpeed()
        .build();
  }
}

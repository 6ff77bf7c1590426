package dev.cocoli.cli;

import java.io.Console;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
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
   * Makes a bar, on standard error unless told otherwise.
   *
   * @param task what is done, in a short word: there are 80 columns
   * @param done how many were done before
   * @param total how many there are
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

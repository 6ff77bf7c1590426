package dev.cocoli.train;

/** How long steps took, in the mean since it was last cleared. */
final class StepTimes {
  private double seconds;
  private double dataWaitSeconds;
  private long steps;

  void add(StepReport report) {
    seconds += report.seconds();
    dataWaitSeconds += report.dataWaitSeconds();
    steps++;
  }

  double meanSeconds() {
    return seconds / steps;
  }

  double meanDataWaitSeconds() {
    return dataWaitSeconds / steps;
  }

  void clear() {
    seconds = 0;
    dataWaitSeconds = 0;
    steps = 0;
  }
}

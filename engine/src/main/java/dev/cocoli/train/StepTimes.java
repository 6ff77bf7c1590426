package dev.cocoli.train;

import dev.cocoli.backend.Communicator.AllReduceTimes;

/** How long steps took, in the mean since it was last cleared. */
final class StepTimes {
  private double seconds;
  private double dataWaitSeconds;
  private double allReduceSeconds;
  private double allReduceWaitSeconds;
  private long steps;

  void add(StepReport report, AllReduceTimes times) {
    allReduceSeconds += times.seconds();
    allReduceWaitSeconds += times.waitSeconds();
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

  double meanAllReduceSeconds() {
    return allReduceSeconds / steps;
  }

  /**
   * The share of the all-reduces' time that was hidden behind compute. The wait counts the lag of
   * slower replicas too, so this is no more than what was hidden.
   */
  double allReduceHidden() {
    return allReduceSeconds == 0 ? 0 : Math.max(0, 1 - allReduceWaitSeconds / allReduceSeconds);
  }

  void clear() {
    allReduceSeconds = 0;
    allReduceWaitSeconds = 0;
    seconds = 0;
    dataWaitSeconds = 0;
    steps = 0;
  }
}

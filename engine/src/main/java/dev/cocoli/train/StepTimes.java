package dev.cocoli.train;

import dev.cocoli.distributed.Communicator.AllReduceTimes;

/** How long steps took, in the mean since it was last cleared. */
public final class StepTimes {
  /** Starts without steps. */
  public StepTimes() {}

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

  /** {@return the mean duration of a step, in seconds} */
  public double meanSeconds() {
    return seconds / steps;
  }

  /** {@return the mean time that a step waited for data, in seconds} */
  public double meanDataWaitSeconds() {
    return dataWaitSeconds / steps;
  }

  /** {@return the mean time of the all-reduces of a step, in seconds} */
  public double meanAllReduceSeconds() {
    return allReduceSeconds / steps;
  }

  /**
   * The part of the all-reduces' time during which the device computed. The wait counts the lag of
   * slower replicas too, so this is no more than what was hidden.
   *
   * @return a part between 0 and 1
   */
  public double allReduceHidden() {
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

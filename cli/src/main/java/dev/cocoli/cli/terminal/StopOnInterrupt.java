package dev.cocoli.cli.terminal;

import java.io.PrintWriter;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Makes Ctrl-C (and a termination) stop a run cleanly. Java answers the signal with a shutdown,
 * which waits for this hook, which waits for the run. A second signal ends the process at once.
 */
public final class StopOnInterrupt implements AutoCloseable {
  /** The exit code of a process that SIGINT ended: 128 + 2. */
  public static final int EXIT_CODE = 130;

  private static final int POLL_MILLIS = 100;

  /**
   * Signals that come together are one: {@code timeout}, for one, sends its own to the process and
   * to its group.
   */
  private static final int TOGETHER_MILLIS = 300;

  private final Runnable requestStop;
  private final PrintWriter notes;
  private final CountDownLatch done = new CountDownLatch(1);
  private volatile boolean underWay;
  private final Thread hook = new Thread(this::stop, "stop on interrupt");

  public StopOnInterrupt(Runnable requestStop, PrintWriter notes) {
    this.requestStop = requestStop;
    this.notes = notes;
    Runtime.getRuntime().addShutdownHook(hook);
  }

  /** Whether there was a signal, so that the process ends as soon as the run does. */
  public boolean isUnderWay() {
    return underWay;
  }

  private void stop() {
    underWay = true;
    requestStop.run();
    notes.println();
    notes.println("stopping after this step; Ctrl-C again quits at once");
    try {
      boolean isOver = done.await(TOGETHER_MILLIS, TimeUnit.MILLISECONDS);
      long first = signals();
      while (!isOver && !done.await(POLL_MILLIS, TimeUnit.MILLISECONDS)) {
        if (signals() > first) {
          Runtime.getRuntime().halt(EXIT_CODE);
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // nobody does this; if it happens, it need not wait
    }
  }

  /**
   * The number of signals that wait for the shutdown: Java gives each a thread of this name. There
   * is no public way to be notified of a second signal.
   */
  private static long signals() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().matches("SIG(INT|TERM|HUP) handler"))
        .count();
  }

  /** Records that the run is over. */
  @Override
  public void close() {
    done.countDown();
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      return; // the shutdown is in progress, and continues now
    }
  }
}

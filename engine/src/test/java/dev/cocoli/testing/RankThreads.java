package dev.cocoli.testing;

import dev.cocoli.distributed.Communicator;
import dev.cocoli.testing.RankGroups.RankGroup;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/** Runs a body on every rank at the same time, each on a thread of its own. */
public final class RankThreads {
  /** The time after which a hang is a failure; no test takes that long. */
  private static final Duration PATIENCE = Duration.ofMinutes(5);

  private RankThreads() {}

  /** The body that every rank runs. */
  @FunctionalInterface
  public interface Body {
    /**
     * Runs the body.
     *
     * @param communicator the rank's communicator, closed afterwards
     * @param tensors tensors on the rank's backend
     * @throws Exception any exception
     */
    void run(Communicator communicator, TestTensors tensors) throws Exception;
  }

  /**
   * Runs a body on every rank, and fails if one throws.
   *
   * @param groups the way in which the ranks are connected
   * @param size the number of ranks
   * @param body the body
   */
  public static void run(RankGroups groups, int size, Body body) {
    List<Throwable> thrown = outcomes(groups, size, PATIENCE, body);
    for (int rank = 0; rank < size; rank++) {
      if (thrown.get(rank) != null) {
        throw new AssertionError("rank " + rank + " failed", thrown.get(rank));
      }
    }
  }

  /**
   * Runs a body on every rank.
   *
   * @param groups the way in which the ranks are connected
   * @param size the number of ranks
   * @param timeout how long ranks wait for each other
   * @param body the body
   * @return the exception of each rank, or null
   */
  public static List<Throwable> outcomes(RankGroups groups, int size, Duration timeout, Body body) {
    Throwable[] thrown = new Throwable[size];
    try (RankGroup group = groups.open(size, timeout)) {
      List<Thread> threads = new ArrayList<>();
      for (int i = 0; i < size; i++) {
        int rank = i;
        threads.add(
            Thread.ofPlatform()
                .name("rank-" + rank)
                .daemon()
                .start(() -> thrown[rank] = outcome(group, rank, body)));
      }
      join(threads, thrown);
    }
    return Arrays.asList(thrown);
  }

  private static Throwable outcome(RankGroup group, int rank, Body body) {
    try (Communicator communicator = group.connect(rank);
        TestTensors tensors = new TestTensors(group.backend(rank))) {
      body.run(communicator, tensors);
      return null;
    } catch (Throwable e) {
      return e;
    }
  }

  /** Waits; if a thread hangs, what other ranks threw before is named as well. */
  private static void join(List<Thread> threads, Throwable[] thrown) {
    long end = System.nanoTime() + PATIENCE.toNanos();
    for (Thread thread : threads) {
      try {
        thread.join(Duration.ofNanos(Math.max(1, end - System.nanoTime())));
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
      if (thread.isAlive()) {
        StringBuilder where = new StringBuilder(thread.getName() + " hangs:");
        for (StackTraceElement element : thread.getStackTrace()) {
          where.append("\n  ").append(element);
        }
        AssertionError failure = new AssertionError(where.toString());
        Arrays.stream(thrown).filter(Objects::nonNull).forEach(failure::addSuppressed);
        throw failure;
      }
    }
  }
}

package dev.cocoli.backend.cuda.nccl;

import dev.cocoli.distributed.CollectiveCall;
import dev.cocoli.distributed.CollectiveLog;
import dev.cocoli.distributed.CommunicatorException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * The ranks of this process: what each has called last, and whether one has failed. NCCL itself
 * neither notices that ranks call different things nor tells who is missing. Any thread may call
 * it.
 */
final class NcclPeers {
  private record Failure(String message, List<Integer> ranks, Throwable cause) {}

  /** The first of the ranks here to make a call, and how many have made it. */
  private record First(CollectiveCall call, int rank, int came) {}

  private final CollectiveLog log;
  private final int size;
  private final int firstRank;
  private final long[] numbers;
  private final boolean[] closed;
  private final Map<Long, First> calls = new HashMap<>();
  private final List<Thread> watchdogs = new ArrayList<>();
  private volatile Failure failure;

  /**
   * Begins with no calls.
   *
   * @param size the number of ranks of all processes
   * @param firstRank the first of those of this process
   * @param count how many this process has
   */
  NcclPeers(int size, int firstRank, int count) {
    log = new CollectiveLog(size, IntStream.range(firstRank, firstRank + count).toArray());
    this.size = size;
    this.firstRank = firstRank;
    numbers = new long[count];
    closed = new boolean[count];
  }

  int size() {
    return size;
  }

  /** Notes a thread to wake when there is a failure. */
  synchronized void register(Thread watchdog) {
    watchdogs.add(watchdog);
  }

  /** Notes that a rank enters a collective, and fails if another rank here called another. */
  synchronized CollectiveCall enter(int rank, String what) {
    throwIfFailed();
    if (closed[rank - firstRank]) {
      throw new IllegalStateException("rank " + rank + " has closed its communicator");
    }
    CollectiveCall call = log.enter(rank, what);
    numbers[rank - firstRank] = call.number();
    First first = calls.getOrDefault(call.number(), new First(call, rank, 0));
    if (!first.call.equals(call)) {
      fail(
          "rank "
              + rank
              + " called "
              + call
              + " where rank "
              + first.rank
              + " called "
              + first.call,
          List.of(first.rank, rank),
          null);
    }
    List<Integer> gone =
        missing(call.number()).stream().filter(r -> closed[r - firstRank]).toList();
    if (!gone.isEmpty()) {
      fail(names(gone) + " closed without joining " + call, gone, null);
    }
    throwIfFailed();
    if (first.came + 1 == numbers.length) {
      calls.remove(call.number());
    } else {
      calls.put(call.number(), new First(first.call, first.rank, first.came + 1));
    }
    return call;
  }

  /** The ranks here that have not entered a call of a number. */
  private List<Integer> missing(long number) {
    List<Integer> missing = new ArrayList<>();
    for (int i = 0; i < numbers.length; i++) {
      if (numbers[i] < number) {
        missing.add(firstRank + i);
      }
    }
    return missing;
  }

  /** Ends everything because a rank has waited long enough. */
  synchronized void failMissing(int rank, CollectiveCall call, Duration timeout) {
    List<Integer> missing = missing(call.number());
    String within =
        call + " within " + timeout.toMillis() / 1000.0 + " s of rank " + rank + "'s coming";
    if (!missing.isEmpty()) {
      fail(names(missing) + " did not join " + within, missing, null);
    } else if (numbers.length < size) {
      fail("a rank of another process did not join " + within, missing, null);
    } else {
      fail("all ranks joined, but NCCL did not end " + within, missing, null);
    }
  }

  /** Ends everything, unless that has happened. */
  synchronized void fail(String what, List<Integer> ranks, Throwable cause) {
    if (failure == null) {
      failure = new Failure(what + "; " + log.describe(), ranks, cause);
      watchdogs.forEach(LockSupport::unpark);
    }
  }

  boolean failed() {
    return failure != null;
  }

  void throwIfFailed() {
    Failure found = failure;
    if (found != null) {
      throw new CommunicatorException(found.message, found.ranks, found.cause);
    }
  }

  /**
   * Marks a rank as gone.
   *
   * @param underWay whether there are collectives that it has not waited for
   */
  synchronized void close(int rank, boolean underWay) {
    closed[rank - firstRank] = true;
    if (underWay) {
      fail("rank " + rank + " closed without waiting for its all-reduces", List.of(rank), null);
    }
    for (int i = 0; i < numbers.length; i++) {
      if (numbers[i] > numbers[rank - firstRank]) {
        First ahead = calls.get(numbers[rank - firstRank] + 1);
        fail(
            "rank " + rank + " closed without joining " + (ahead == null ? "more" : ahead.call),
            List.of(rank),
            null);
      }
    }
  }

  private static String names(List<Integer> ranks) {
    return ranks.stream().map(rank -> "rank " + rank).collect(Collectors.joining(", "));
  }
}

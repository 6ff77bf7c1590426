package dev.cocoli.backend.cpu.local;

import dev.cocoli.distributed.CollectiveCall;
import dev.cocoli.distributed.CollectiveLog;
import dev.cocoli.distributed.Communicator.Reduction;
import dev.cocoli.distributed.CommunicatorException;
import dev.cocoli.tensor.Tensor;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Where the ranks of one process meet. A rank's n-th collective meets the others' n-th; the first
 * failure ends all collectives, present and future.
 */
final class LocalGroup {
  private record Failure(String message, List<Integer> ranks, Throwable cause) {}

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final Map<Long, LocalCollective> collectives = new HashMap<>();

  /** All-reduces that every rank has joined and of which there are pieces left to take. */
  private final Deque<LocalCollective> ready = new ArrayDeque<>();

  private final CollectiveLog log;
  private final boolean[] closed;
  private final Duration timeout;

  /** How many threads read or write tensors of several ranks. */
  private int busy;

  private volatile Failure failure;

  LocalGroup(int size, Duration timeout) {
    log = new CollectiveLog(size, IntStream.range(0, size).toArray());
    closed = new boolean[size];
    this.timeout = timeout;
  }

  int size() {
    return closed.length;
  }

  // ---- collective

  /**
   * Enters a rank's next collective; does not wait for the others.
   *
   * @param rank who
   * @param what the operation with all that must agree
   * @param reduction of an all-reduce, else null
   * @param tensor what is reduced or broadcast, or null
   * @param value what is gathered, or null
   */
  LocalCollective enter(int rank, String what, Reduction reduction, Tensor tensor, byte[] value) {
    lock.lock();
    try {
      throwIfFailed();
      if (closed[rank]) {
        throw new IllegalStateException("rank " + rank + " has closed its communicator");
      }
      CollectiveCall call = log.enter(rank, what);
      LocalCollective collective =
          collectives.computeIfAbsent(
              call.number(), _ -> new LocalCollective(call, reduction, size()));
      if (!collective.call.equals(call)) {
        int other = IntStream.range(0, size()).filter(collective::came).findFirst().orElseThrow();
        fail(
            "rank %s called %s where rank %s called %s"
                .formatted(rank, call, other, collective.call),
            List.of(other, rank),
            null);
        throwIfFailed();
      }
      collective.arrive(rank, tensor, value);
      if (collective.complete()) {
        if (reduction != null && !collective.reduced()) {
          ready.add(collective);
        }
        changed.signalAll();
      }
      return collective;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Waits until all have come to a collective; ends everything if one does not within the timeout.
   */
  void awaitComplete(int rank, LocalCollective collective) {
    lock.lock();
    try {
      long nanos = timeout.toNanos();
      while (!collective.complete()) {
        throwIfFailed();
        List<Integer> gone = collective.missing().stream().filter(r -> closed[r]).toList();
        if (!gone.isEmpty()) {
          fail(names(gone) + " closed without joining " + collective.call, gone, null);
        } else if (nanos <= 0) {
          fail(
              "%s did not join %s within %s of rank %s's coming"
                  .formatted(names(collective.missing()), collective.call, seconds(timeout), rank),
              collective.missing(),
              null);
        } else {
          nanos = changed.awaitNanos(nanos);
        }
      }
    } catch (InterruptedException e) {
      throw interrupted(rank, e);
    } finally {
      lock.unlock();
    }
  }

  /**
   * Waits for an all-reduce that all have joined: for computation only, so without a timeout.
   *
   * @return for how many nanoseconds it ran
   */
  long awaitReduced(int rank, LocalCollective collective) {
    lock.lock();
    try {
      while (!collective.reduced()) {
        throwIfFailed();
        changed.await();
      }
      return collective.nanos();
    } catch (InterruptedException e) {
      throw interrupted(rank, e);
    } finally {
      lock.unlock();
    }
  }

  /** Waits until all other ranks have left a collective that all have joined. */
  void awaitOthersLeft(int rank, LocalCollective collective) {
    lock.lock();
    try {
      while (collective.left() < size() - 1) {
        throwIfFailed();
        changed.await();
      }
    } catch (InterruptedException e) {
      throw interrupted(rank, e);
    } finally {
      lock.unlock();
    }
  }

  /** Notes that a rank is about to read another's tensor. */
  void beginCopy() {
    lock.lock();
    try {
      throwIfFailed();
      busy++;
    } finally {
      lock.unlock();
    }
  }

  /** Notes that it has done so. */
  void endCopy() {
    lock.lock();
    try {
      busy--;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  void leave(LocalCollective collective) {
    lock.lock();
    try {
      collective.leave();
      if (collective.left() == size()) {
        collectives.remove(collective.call.number());
      }
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  // ---- the threads that reduce

  /** {@return an all-reduce with pieces to take, once there is one; null when it is time to end} */
  LocalCollective takeReady(int rank) {
    lock.lock();
    try {
      while (ready.isEmpty() && failure == null && !closed[rank]) {
        changed.awaitUninterruptibly();
      }
      if (failure != null || ready.isEmpty()) {
        return null;
      }
      busy++;
      ready.peek().beginPieces();
      return ready.peek();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Notes that a thread has reduced some pieces of a collective, and that none are left to take.
   */
  void endReducing(LocalCollective collective, long pieces) {
    lock.lock();
    try {
      busy--;
      ready.remove(collective);
      collective.addPieces(pieces);
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  // ---- the end

  boolean failed() {
    return failure != null;
  }

  /** Ends everything, unless that has happened. */
  void abort(String what, List<Integer> ranks, Throwable cause) {
    lock.lock();
    try {
      fail(what, ranks, cause);
    } finally {
      lock.unlock();
    }
  }

  /** Marks a rank as gone. */
  void close(int rank, boolean hasPending) {
    lock.lock();
    try {
      if (hasPending) {
        fail("rank " + rank + " closed without waiting for its all-reduces", List.of(rank), null);
      }
      closed[rank] = true;
      changed.signalAll();
      awaitQuiet();
    } finally {
      lock.unlock();
    }
  }

  private void fail(String what, List<Integer> ranks, Throwable cause) {
    if (failure == null) {
      failure = new Failure(what + "; " + log.describe(), ranks, cause);
      changed.signalAll();
    }
  }

  private CommunicatorException interrupted(int rank, InterruptedException e) {
    fail("the thread of rank " + rank + " was interrupted", List.of(rank), e);
    Thread.currentThread().interrupt();
    awaitQuiet();
    return exception();
  }

  private void throwIfFailed() {
    if (failure != null) {
      awaitQuiet();
      throw exception();
    }
  }

  private CommunicatorException exception() {
    return new CommunicatorException(failure.message(), failure.ranks(), failure.cause());
  }

  /**
   * After a failure: waits until nobody touches the ranks' tensors any more, so that who gets the
   * exception may free them. Threads look for failures between pieces, which take microseconds.
   */
  private void awaitQuiet() {
    while (failure != null && busy > 0) {
      changed.awaitUninterruptibly();
    }
  }

  private static String names(List<Integer> ranks) {
    return ranks.stream().map(rank -> "rank " + rank).collect(Collectors.joining(", "));
  }

  private static String seconds(Duration duration) {
    return duration.toMillis() / 1000.0 + " s";
  }
}

package dev.cocoli.backend.cpu;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * A few threads that share the rows of a loop with their caller. What a row computes may not depend
 * on which thread gets it or on how the rows are cut; then results do not depend on the number of
 * threads either.
 */
public final class Workers implements AutoCloseable {
  /** Some rows of a loop. */
  @FunctionalInterface
  public interface Rows {
    /**
     * Does the rows {@code [from, to)}.
     *
     * @param from the first
     * @param to after the last
     */
    void run(long from, long to);
  }

  /** One loop: threads take pieces of it until none is left. */
  private static final class Loop {
    final Rows body;
    final long count;
    final long grain;
    final AtomicLong next = new AtomicLong();
    final AtomicLong done = new AtomicLong();
    final Thread caller = Thread.currentThread();
    volatile Throwable failure;

    Loop(Rows body, long count, long grain) {
      this.body = body;
      this.count = count;
      this.grain = grain;
    }

    void work() {
      while (true) {
        long from = next.getAndAdd(grain);
        if (from >= count) {
          return;
        }
        long to = Math.min(count, from + grain);
        try {
          if (failure == null) {
            body.run(from, to);
          }
        } catch (Throwable thrown) {
          failure = thrown;
        }
        if (done.addAndGet(to - from) == count) {
          LockSupport.unpark(caller);
        }
      }
    }
  }

  /**
   * How often a waiting thread looks before it parks: a few microseconds, less than a wake-up
   * costs.
   */
  private static final int SPINS = 2_000;

  private static final AtomicInteger NUMBER = new AtomicInteger();

  private final Thread[] threads;
  private volatile Loop current;
  private volatile boolean closed;

  /**
   * Starts the threads.
   *
   * @param parallelism how many threads work on a loop, the caller included
   */
  public Workers(int parallelism) {
    threads = new Thread[parallelism - 1];
    for (int i = 0; i < threads.length; i++) {
      threads[i] = new Thread(this::serve, "cocoli-cpu-" + NUMBER.getAndIncrement());
      threads[i].setDaemon(true);
      threads[i].start();
    }
  }

  /** {@return how many threads work on a loop, the caller included} */
  public int parallelism() {
    return threads.length + 1;
  }

  /**
   * Runs a loop and returns when every row is done. Not reentrant: one thread drives a backend.
   *
   * @param count number of rows
   * @param grain rows a piece; a loop of one piece runs in the caller alone
   * @param body what to do
   */
  public void rows(long count, long grain, Rows body) {
    if (count <= 0) {
      return;
    }
    long piece = Math.max(1, grain);
    if (threads.length == 0 || count <= piece) {
      body.run(0, count);
      return;
    }
    Loop loop = new Loop(body, count, piece);
    current = loop;
    for (Thread thread : threads) {
      LockSupport.unpark(thread);
    }
    loop.work();
    for (int spins = 0; loop.done.get() < count; spins++) {
      if (spins < SPINS) {
        Thread.onSpinWait();
      } else {
        LockSupport.park(loop);
      }
    }
    current = null;
    Throwable failure = loop.failure;
    if (failure instanceof RuntimeException exception) {
      throw exception;
    }
    if (failure instanceof Error error) {
      throw error;
    }
  }

  private void serve() {
    while (!closed) {
      Loop loop = current;
      if (loop != null && loop.next.get() < loop.count) {
        loop.work();
      } else {
        LockSupport.park(this);
      }
    }
  }

  @Override
  public void close() {
    closed = true;
    for (Thread thread : threads) {
      LockSupport.unpark(thread);
    }
  }
}

package dev.cocoli.train;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.backend.Communicator;
import dev.cocoli.backend.CommunicatorException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;

/** Connects replicas that are all in this process: the last to come does it for all. */
final class LocalConnector implements Connector {
  private final Backend[] backends;
  private final Duration timeout;
  private int missing;
  private List<Communicator> connected;
  private String failure;
  private int failed = -1;

  LocalConnector(int size, Duration timeout) {
    backends = new Backend[size];
    missing = size;
    this.timeout = timeout;
  }

  @Override
  public int firstRank() {
    return 0;
  }

  @Override
  public int size() {
    return backends.length;
  }

  @Override
  public synchronized Communicator connect(int index, Backend backend) {
    backends[index] = backend;
    if (--missing == 0) {
      connected = Backends.connect(Arrays.asList(backends), timeout);
      notifyAll();
    }
    long end = System.nanoTime() + timeout.toNanos();
    while (connected == null && failure == null) {
      long millis = (end - System.nanoTime()) / 1_000_000;
      if (millis <= 0) {
        fail("not all replicas' devices could be opened within " + timeout.toSeconds() + " s");
      } else {
        await(millis);
      }
    }
    if (failure != null) {
      throw new CommunicatorException(failure, failed < 0 ? List.of() : List.of(failed), null);
    }
    return connected.get(index);
  }

  private void await(long millis) {
    try {
      wait(millis);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      fail("interrupted while waiting for the other replicas");
    }
  }

  @Override
  public synchronized void giveUp(int index, String reason) {
    failed = index;
    fail("rank " + index + " did not come: " + reason);
  }

  private void fail(String reason) {
    if (connected == null && failure == null) {
      failure = reason;
      notifyAll();
    }
  }
}

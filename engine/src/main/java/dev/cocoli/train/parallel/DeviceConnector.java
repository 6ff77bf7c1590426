package dev.cocoli.train.parallel;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.distributed.Communicator;
import dev.cocoli.distributed.CommunicatorException;
import dev.cocoli.distributed.RankEnvironment;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Consumer;
import java.util.function.Function;

/** Connects the replicas of a process: the last whose device is open does it for all. */
final class DeviceConnector implements Connector {
  private final Backend[] backends;
  private final int firstRank;
  private final Function<List<Backend>, List<Communicator>> how;
  private final Duration timeout;
  private int missing;
  private List<Communicator> connected;
  private CommunicatorException failure;

  private DeviceConnector(
      int localSize,
      int firstRank,
      Function<List<Backend>, List<Communicator>> how,
      Duration timeout) {
    backends = new Backend[localSize];
    missing = localSize;
    this.firstRank = firstRank;
    this.how = how;
    this.timeout = timeout;
  }

  /**
   * {@return a connector of replicas that are all in this process}
   *
   * @param size how many
   * @param timeout how long they wait for each other
   */
  static DeviceConnector ofProcess(int size, Duration timeout) {
    return new DeviceConnector(size, 0, backends -> Backends.connect(backends, timeout), timeout);
  }

  /**
   * {@return a connector of replicas in several processes, as many in each}
   *
   * @param localSize how many are in this process
   * @param processes the processes
   * @param runDigest what must be the same for all of them
   * @param timeout how long they wait for each other
   * @param log receives a line about each stranger that came
   */
  static DeviceConnector ofProcesses(
      int localSize,
      RankEnvironment processes,
      byte[] runDigest,
      Duration timeout,
      Consumer<String> log) {
    return new DeviceConnector(
        localSize,
        processes.rank() * localSize,
        backends -> Backends.connect(backends, processes, runDigest, timeout, log),
        timeout);
  }

  @Override
  public int firstRank() {
    return firstRank;
  }

  @Override
  public synchronized Communicator connect(int index, Backend backend) {
    backends[index] = backend;
    if (--missing == 0 && failure == null) {
      connected = onItsOwnThread();
      notifyAll();
    }
    long end = System.nanoTime() + timeout.toNanos();
    while (connected == null && failure == null) {
      long millis = (end - System.nanoTime()) / 1_000_000;
      if (millis <= 0) {
        fail("not all devices could be opened within " + timeout.toMillis() / 1e3 + " s", -1);
      } else {
        await(millis);
      }
    }
    if (connected == null) {
      throw failure;
    }
    return connected.get(index);
  }

  /**
   * Connects on a thread that drives no device: a library has one current device a thread, and
   * connecting goes through all of them.
   */
  private List<Communicator> onItsOwnThread() {
    Thread.Builder thread = Thread.ofPlatform().name("cocoli-connect").daemon();
    try { // not to be interrupted, because connecting has a timeout of its own
      return CompletableFuture.supplyAsync(() -> how.apply(Arrays.asList(backends)), thread::start)
          .join();
    } catch (CompletionException e) {
      switch (e.getCause()) {
        case RuntimeException problem -> throw problem;
        case Error problem -> throw problem;
        default -> throw e;
      }
    }
  }

  private void await(long millis) {
    try {
      wait(millis);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      fail("interrupted while waiting for the other replicas", -1);
    }
  }

  @Override
  public synchronized void giveUp(int index, String reason) {
    int rank = firstRank + index;
    fail("rank " + rank + " did not come: " + reason, rank);
  }

  private void fail(String reason, int rank) {
    if (connected == null && failure == null) {
      failure = new CommunicatorException(reason, rank < 0 ? List.of() : List.of(rank), null);
      notifyAll();
    }
  }
}

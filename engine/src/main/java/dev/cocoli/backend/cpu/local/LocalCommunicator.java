package dev.cocoli.backend.cpu.local;

import dev.cocoli.backend.Backend;
import dev.cocoli.distributed.CollectiveCall;
import dev.cocoli.distributed.Communicator;
import dev.cocoli.tensor.Device;
import dev.cocoli.tensor.Tensor;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;

/**
 * Connects replicas of one process that compute on the processor, each on a thread of its own,
 * through the memory that they share. Each rank brings a thread that reduces beside compute; all of
 * them share the pieces of an all-reduce. Elements are added in the order of the ranks, so that the
 * bits do not depend on who is faster.
 */
public final class LocalCommunicator implements Communicator {
  private final LocalGroup group;
  private final int rank;
  private final Backend backend;
  private final Thread reducer;

  /** All-reduces begun, in order, and what each is to write. */
  private final Deque<LocalCollective> pending = new ArrayDeque<>();

  private long reducedNanos;
  private long waitedNanos;
  private boolean closed;

  private LocalCommunicator(LocalGroup group, int rank, Backend backend) {
    this.group = group;
    this.rank = rank;
    this.backend = backend;
    reducer = new Thread(this::reduce, "cocoli-all-reduce-" + rank);
    reducer.setDaemon(true);
  }

  /**
   * Connects backends, one rank each.
   *
   * @param backends the ranks' backends, all of the processor, none twice
   * @param timeout how long a rank waits for the others
   * @return each rank's communicator; whoever drives it closes it
   */
  public static List<Communicator> group(List<Backend> backends, Duration timeout) {
    if (backends.isEmpty()) {
      throw new IllegalArgumentException("no backends to connect");
    }
    Communicator.requireTimeout(timeout);
    Set<Backend> distinct = Collections.newSetFromMap(new IdentityHashMap<>());
    for (Backend backend : backends) {
      if (!backend.device().kind().equals(Device.Kind.CPU)) {
        throw new IllegalArgumentException("shared memory does not reach " + backend.device());
      }
      if (!distinct.add(backend)) {
        throw new IllegalArgumentException(
            "each rank has a backend of its own; one is given twice");
      }
    }
    LocalGroup group = new LocalGroup(backends.size(), timeout);
    List<Communicator> ranks = new ArrayList<>();
    for (int rank = 0; rank < backends.size(); rank++) {
      LocalCommunicator communicator = new LocalCommunicator(group, rank, backends.get(rank));
      communicator.reducer.start();
      ranks.add(communicator);
    }
    return List.copyOf(ranks);
  }

  @Override
  public int rank() {
    return rank;
  }

  @Override
  public int size() {
    return group.size();
  }

  @Override
  public void startAllReduce(Tensor x, Reduction reduction) {
    String what = CollectiveCall.allReduce(x, reduction);
    backend.transfers().synchronize();
    pending.add(group.enter(rank, what, reduction, x, null));
  }

  @Override
  public void awaitAllReduces() {
    long begin = System.nanoTime();
    while (!pending.isEmpty()) {
      LocalCollective collective = pending.peek();
      group.awaitComplete(rank, collective);
      reducedNanos += group.awaitReduced(rank, collective);
      group.leave(collective);
      collective.tensors[rank].buffer().markWritten();
      pending.remove();
    }
    waitedNanos += System.nanoTime() - begin;
  }

  @Override
  public AllReduceTimes takeAllReduceTimes() {
    AllReduceTimes times = new AllReduceTimes(reducedNanos / 1e9, waitedNanos / 1e9);
    reducedNanos = 0;
    waitedNanos = 0;
    return times;
  }

  @Override
  public void broadcast(Tensor x, int root) {
    String what = CollectiveCall.broadcast(x, root, size());
    backend.transfers().synchronize();
    LocalCollective collective = group.enter(rank, what, null, x, null);
    group.awaitComplete(rank, collective);
    if (rank == root) {
      group.awaitOthersLeft(rank, collective);
    } else {
      group.beginCopy();
      try {
        x.segment().copyFrom(collective.tensors[root].segment());
      } catch (RuntimeException e) {
        group.abort("rank " + rank + " failed in " + collective.call + ": " + e, List.of(rank), e);
        throw e;
      } finally {
        group.endCopy();
      }
      x.buffer().markWritten();
    }
    group.leave(collective);
  }

  @Override
  public List<byte[]> allGather(byte[] value) {
    LocalCollective collective =
        group.enter(rank, CollectiveCall.allGather(), null, null, value.clone());
    group.awaitComplete(rank, collective);
    List<byte[]> values = new ArrayList<>();
    for (byte[] other : collective.values) {
      values.add(other.clone());
    }
    group.leave(collective);
    return values;
  }

  @Override
  public void barrier() {
    backend.transfers().synchronize();
    LocalCollective collective = group.enter(rank, CollectiveCall.barrier(), null, null, null);
    group.awaitComplete(rank, collective);
    group.leave(collective);
  }

  @Override
  public void abort(String reason) {
    group.abort("rank " + rank + " gave up: " + reason, List.of(rank), null);
  }

  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    group.close(rank, !pending.isEmpty());
    pending.clear();
    boolean interrupted = false;
    while (reducer.isAlive()) { // it has at most one piece to end
      try {
        reducer.join();
      } catch (InterruptedException _) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private void reduce() {
    RankSum sum = new RankSum();
    for (LocalCollective collective = group.takeReady(rank); collective != null; ) {
      long done = 0;
      try {
        long pieces = collective.pieces();
        for (long piece = collective.nextPiece.getAndIncrement();
            piece < pieces && !group.failed();
            piece = collective.nextPiece.getAndIncrement()) {
          sum.reduce(collective.tensors, collective.reduction, piece);
          done++;
        }
      } catch (Throwable e) {
        List<Integer> freed = freed(collective.tensors);
        String who = freed.isEmpty() ? "" : "rank " + freed.getFirst() + " freed its tensor: ";
        group.abort(collective.call + " failed: " + who + e, freed, e);
      } finally {
        group.endReducing(collective, done);
      }
      collective = group.takeReady(rank);
    }
  }

  /** The ranks whose tensors are no more. */
  private static List<Integer> freed(Tensor[] tensors) {
    List<Integer> freed = new ArrayList<>();
    for (int rank = 0; rank < tensors.length; rank++) {
      try {
        tensors[rank].segment();
      } catch (IllegalStateException e) {
        freed.add(rank);
      }
    }
    return freed;
  }
}

package dev.cocoli.train.parallel;

import dev.cocoli.distributed.CommunicatorException;
import dev.cocoli.train.TrainingException;
import dev.cocoli.train.TrainingResult;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * How the replicas of a process ended. Of several failures one is the cause and the others are its
 * consequences: a replica whose communicator threw was ended by another one, unless all were.
 */
final class RankResults {
  private static final long POLL_MILLIS = 20;

  private record Failure(int index, Throwable problem) {}

  private final int firstRank;
  private final ConnectedReplica[] replicas;
  private final TrainingResult[] results;
  private final List<Failure> failures = new ArrayList<>();
  private final List<Integer> hanging = new ArrayList<>();
  private boolean isGraceOver;

  RankResults(int firstRank, int size) {
    this.firstRank = firstRank;
    replicas = new ConnectedReplica[size];
    results = new TrainingResult[size];
  }

  synchronized void began(int index, ConnectedReplica replica) {
    replicas[index] = replica;
  }

  synchronized void ended(int index, TrainingResult result) {
    results[index] = result;
  }

  synchronized void failed(int index, Throwable problem) {
    if (!isGraceOver || failures.isEmpty()) { // later ones come from being interrupted
      failures.add(new Failure(index, problem));
    }
    notifyAll();
  }

  private synchronized boolean hasFailure() {
    return !failures.isEmpty();
  }

  /** Waits until a replica has failed or all have ended. */
  void awaitFailureOr(CountDownLatch running) throws InterruptedException {
    while (!hasFailure() && !running.await(POLL_MILLIS, TimeUnit.MILLISECONDS)) {
      continue;
    }
  }

  /** Whether a replica writes what must not be interrupted. */
  synchronized boolean isKeeping() {
    return Arrays.stream(replicas).anyMatch(replica -> replica != null && replica.isKeeping());
  }

  /** From here on threads are interrupted. */
  synchronized void endOfGrace() {
    isGraceOver = true;
  }

  /** Notes who does not end. */
  synchronized void hang(List<Thread> threads) {
    for (int i = 0; i < threads.size(); i++) {
      if (threads.get(i).isAlive()) {
        hanging.add(firstRank + i);
      }
    }
  }

  /**
   * {@return how the run ended}
   *
   * @throws TrainingException if a replica failed once the run was under way, or in another way
   *     than by an unchecked exception
   */
  synchronized TrainingResult result() {
    if (failures.isEmpty()) {
      return results[0];
    }
    Failure cause =
        failures.stream()
            .filter(failure -> !(failure.problem instanceof CommunicatorException))
            .findFirst()
            .orElse(failures.getFirst());
    ConnectedReplica replica = replicas[cause.index];
    boolean isUnderWay = replica != null && !replica.where().isEmpty();
    if (!isUnderWay && cause.problem instanceof RuntimeException problem) {
      throw problem; // as a run on one device would have: nobody had begun
    }
    if (cause.problem instanceof VirtualMachineError problem) {
      throw problem;
    }
    String explanation = replica == null ? null : replica.explanation();
    throw new TrainingException(
        "the replicas stopped: %s%s%s"
            .formatted(
                explanation == null ? cause.problem.toString() : explanation,
                whereabouts(),
                hanging.isEmpty()
                    ? ""
                    : "; the threads of ranks " + hanging + " do not end" + saved()),
        cause.problem);
  }

  /** Rank 0, which writes checkpoints, does not get to say where the run can go on. */
  private String saved() {
    return hanging.contains(0) ? "; resume the run from its last checkpoint" : "";
  }

  private String whereabouts() {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < replicas.length; i++) {
      if (replicas[i] != null) {
        text.append("; rank ").append(firstRank + i).append(" was in ").append(replicas[i].where());
      }
    }
    return text.toString();
  }
}

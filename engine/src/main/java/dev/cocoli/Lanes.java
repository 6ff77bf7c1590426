package dev.cocoli;

import dev.cocoli.structures.Detection;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;

/**
 * Computes calls side by side, each in a lane: a thread with a network of its own, all over the
 * same weights. A lane opens when a call finds none idle, until there are as many as allowed; then
 * calls wait. The threads are platform threads, because oneDNN's threads and the GPU's current
 * device belong to them, and callers may be virtual threads.
 */
final class Lanes implements Calls {
  private static final Logger LOG = System.getLogger("dev.cocoli.Detector");
  private static final AtomicInteger NUMBER = new AtomicInteger();

  /**
   * A call, and what its thread waits for.
   *
   * @param detection nothing if it is other work with the network
   * @param work computes it alone
   */
  private record Waiting(
      Optional<DetectionCall> detection,
      Function<Network, ?> work,
      CompletableFuture<Object> result) {
    int images() {
      return detection.map(call -> call.images().size()).orElse(1);
    }

    boolean goesWith(Waiting other) {
      return detection.isPresent()
          && other.detection.isPresent()
          && detection.get().goesWith(other.detection.get());
    }
  }

  /** Shows in the stack trace of a failed call where it came from. */
  private static final class CalledHere extends Exception {
    private static final long serialVersionUID = 1;

    CalledHere() {
      super("the detector was called here");
    }
  }

  private final int threadsOfEach;
  private final int mostTogether;
  private final Queue<Waiting> queue = new ArrayDeque<>();
  private final List<Thread> threads = new ArrayList<>();
  private Network first;
  private int most;
  private int lanes;
  private int idle;
  private boolean closed;
  private Throwable closeFailure;

  private Lanes(int most, int threadsOfEach, int mostTogether) {
    this.most = most;
    this.threadsOfEach = threadsOfEach;
    this.mostTogether = mostTogether;
  }

  /**
   * Opens the first lane.
   *
   * @param opening opens its network, on the thread that will use and close it
   * @param most how many lanes there are at most
   * @param threadsOfEach how many threads of the processor each computes with
   * @param mostTogether how many images of several calls go through a network together at most
   * @return the lanes
   * @throws Exception what the opening throws
   */
  static Lanes open(Callable<Network> opening, int most, int threadsOfEach, int mostTogether)
      throws Exception {
    Lanes result = new Lanes(most, threadsOfEach, mostTogether);
    CompletableFuture<Network> opened = new CompletableFuture<>();
    synchronized (result) {
      result.start(() -> result.serveFirst(opening, opened));
    }
    switch (await(opened)) {
      case null -> {
        return result;
      }
      case Exception e -> throw e;
      case Error e -> throw e;
      case Throwable e -> throw new IllegalStateException(e);
    }
  }

  /** Returns the network of the first lane. */
  synchronized Network first() {
    return first;
  }

  private void start(Runnable lane) {
    Thread thread =
        Thread.ofPlatform()
            .name("cocoli-detector-" + NUMBER.incrementAndGet())
            .daemon()
            .inheritInheritableThreadLocals(false)
            .unstarted(lane);
    lanes++;
    threads.add(thread);
    try {
      thread.start();
    } catch (OutOfMemoryError e) { // the system has no more threads
      threads.remove(thread);
      lanes--;
      throw e;
    }
  }

  /** Returns what a computation failed with, with the caller's stack trace added; null if not. */
  private static Throwable await(CompletableFuture<?> result) {
    try {
      result.join(); // an interrupt does not end it, and stays set
      return null;
    } catch (CompletionException e) {
      e.getCause().addSuppressed(new CalledHere());
      return e.getCause();
    }
  }

  private void serveFirst(Callable<Network> opening, CompletableFuture<Network> opened) {
    Network network;
    try {
      network = opening.call();
    } catch (Throwable e) {
      opened.completeExceptionally(e);
      return;
    }
    synchronized (this) {
      first = network;
      idle++;
    }
    opened.complete(network);
    serve(network);
    List<Thread> others;
    synchronized (this) {
      others = List.copyOf(threads.subList(1, threads.size()));
    }
    others.forEach(Lanes::join);
    close(network);
  }

  private void serveBeside() {
    Network network;
    try {
      network = first().beside(threadsOfEach);
    } catch (RuntimeException | Error e) {
      synchronized (this) {
        lanes--;
        fewer(e);
      }
      return;
    }
    synchronized (this) {
      idle++;
    }
    serve(network);
    close(network);
  }

  /** Goes on with the lanes that there are. */
  private void fewer(Throwable reason) {
    most = lanes;
    LOG.log(
        Level.WARNING,
        "a detector goes on with " + lanes + " calls at a time: no more can be opened",
        reason);
  }

  private void close(Network network) {
    try {
      network.close();
    } catch (RuntimeException | Error e) {
      synchronized (this) {
        closeFailure = e;
      }
    }
  }

  @Override
  public List<List<Detection>> run(DetectionCall call) {
    return run(Optional.of(call), network -> network.detect(call));
  }

  @Override
  public <T> T run(Function<Network, T> work) {
    return run(Optional.empty(), work);
  }

  @SuppressWarnings("unchecked") // what the work returns, or of a batch the call's detections
  private <T> T run(Optional<DetectionCall> detection, Function<Network, T> work) {
    CompletableFuture<Object> result = new CompletableFuture<>();
    synchronized (this) {
      Calls.requireOpen(closed);
      requireOtherThread();
      queue.add(new Waiting(detection, work, result));
      if (queue.size() > idle && lanes < most) {
        try {
          start(this::serveBeside);
        } catch (OutOfMemoryError e) {
          fewer(e);
        }
      }
      notify();
    }
    switch (await(result)) {
      case null -> {
        return (T) result.join();
      }
      case RuntimeException e -> throw e;
      case Error e -> throw e;
      case Throwable e -> throw new IllegalStateException(e);
    }
  }

  private void requireOtherThread() {
    if (threads.contains(Thread.currentThread())) {
      throw new IllegalStateException("a listener of a detection cannot use its detector");
    }
  }

  private void serve(Network network) {
    for (List<Waiting> calls = next(); !calls.isEmpty(); calls = next()) {
      List<Runnable> outcomes = run(network, calls);
      synchronized (this) { // before a caller that goes on with its next call could find it busy
        idle++;
      }
      outcomes.forEach(Runnable::run);
    }
  }

  /** Returns calls that go through the network together; none after the last. */
  private synchronized List<Waiting> next() {
    while (queue.isEmpty()) {
      if (closed) {
        return List.of();
      }
      try {
        wait();
      } catch (InterruptedException e) {
        continue; // nobody has the thread but this class
      }
    }
    idle--;
    Waiting head = queue.remove();
    List<Waiting> calls = new ArrayList<>(List.of(head));
    int images = head.images();
    for (Iterator<Waiting> rest = queue.iterator(); rest.hasNext() && images < mostTogether; ) {
      Waiting other = rest.next();
      int more = other.images();
      if (images + more <= mostTogether && head.goesWith(other)) {
        rest.remove();
        calls.add(other);
        images += more;
      }
    }
    return calls;
  }

  private static List<Runnable> run(Network network, List<Waiting> calls) {
    if (calls.size() == 1) {
      Waiting alone = calls.getFirst();
      try {
        Object result = alone.work.apply(network);
        return List.of(() -> alone.result.complete(result));
      } catch (Throwable e) {
        return List.of(() -> alone.result.completeExceptionally(e));
      }
    }
    List<Runnable> outcomes = new ArrayList<>();
    try {
      List<DetectionCall> detections =
          calls.stream().map(Waiting::detection).flatMap(Optional::stream).toList();
      List<List<Detection>> found = network.detect(DetectionCall.joined(detections));
      int at = 0;
      for (Waiting waiting : calls) {
        int end = at + waiting.images();
        List<List<Detection>> part = List.copyOf(found.subList(at, end));
        outcomes.add(() -> waiting.result.complete(part));
        at = end;
      }
      return outcomes;
    } catch (RuntimeException | Error e) {
      LOG.log(Level.DEBUG, "calls that failed together are tried one by one", e);
      outcomes.clear();
    }
    // a call does not fail for another one's sake, nor for the memory that both take together
    for (Waiting waiting : calls) {
      outcomes.addAll(run(network, List.of(waiting)));
    }
    return outcomes;
  }

  @Override
  public void close() {
    List<Thread> all;
    synchronized (this) {
      requireOtherThread();
      closed = true;
      notifyAll();
      all = List.copyOf(threads);
    }
    all.forEach(Lanes::join);
    Throwable failure;
    synchronized (this) {
      failure = closeFailure;
      closeFailure = null;
    }
    if (failure instanceof RuntimeException e) {
      throw e;
    }
    if (failure instanceof Error e) {
      throw e;
    }
  }

  private static void join(Thread thread) {
    boolean interrupted = false;
    while (true) {
      try {
        thread.join();
        break;
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}

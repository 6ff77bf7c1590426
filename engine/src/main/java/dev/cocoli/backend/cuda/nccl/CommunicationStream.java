package dev.cocoli.backend.cuda.nccl;

import dev.cocoli.bindings.cudart.CudaRuntime;
import dev.cocoli.bindings.status.CudaStatus;
import dev.cocoli.distributed.CollectiveCall;
import dev.cocoli.distributed.Communicator.AllReduceTimes;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;

/**
 * The stream on which collectives run beside compute, and the events between the two. Nothing here
 * blocks. Two threads call it: the rank's, and the one that watches it.
 */
final class CommunicationStream implements AutoCloseable {
  /** A collective that was queued, with the events around it. */
  private record Queued(CollectiveCall call, MemorySegment begin, MemorySegment end) {}

  /** A collective that has not ended, and since when it has been first in the queue. */
  record Waiting(CollectiveCall call, long sinceNanos) {}

  /** What lies between two events of the compute stream: the wait for all-reduces. */
  private record Wait(MemorySegment begin, MemorySegment end) {}

  private final Arena arena = Arena.ofShared();
  private final MemorySegment out = arena.allocate(ValueLayout.JAVA_LONG);
  private final MemorySegment stream;
  private final MemorySegment computeStream;
  private final MemorySegment reached;
  private final Deque<MemorySegment> free = new ArrayDeque<>();
  private final Deque<Queued> queue = new ArrayDeque<>();
  private final Deque<Wait> waits = new ArrayDeque<>();
  private MemorySegment begin = MemorySegment.NULL;
  private long firstSinceNanos;
  private double seconds;
  private double waitSeconds;
  private boolean closed;

  /**
   * Makes the stream on the current device.
   *
   * @param computeStream the backend's
   */
  CommunicationStream(MemorySegment computeStream) {
    this.computeStream = computeStream;
    MemorySegment least = arena.allocate(ValueLayout.JAVA_INT);
    MemorySegment greatest = arena.allocate(ValueLayout.JAVA_INT);
    CudaStatus.check(
        "cudaDeviceGetStreamPriorityRange",
        CudaRuntime.cudaDeviceGetStreamPriorityRange(least, greatest));
    // few blocks that others wait for: they go before compute's many
    CudaStatus.check(
        "cudaStreamCreateWithPriority",
        CudaRuntime.cudaStreamCreateWithPriority(
            out, CudaRuntime.cudaStreamNonBlocking(), greatest.get(ValueLayout.JAVA_INT, 0)));
    stream = out.get(ValueLayout.ADDRESS, 0);
    reached = takeEvent();
  }

  /** {@return the {@code cudaStream_t}} */
  MemorySegment handle() {
    return stream;
  }

  /** Lets what is queued here from now on run after what compute has been called for. */
  synchronized void followCompute() {
    record(reached, computeStream);
    waitFor(stream, reached);
  }

  /** Lets compute run, from now on, after all that is queued here. */
  synchronized void leadCompute() {
    // a wait keeps to the event as it was recorded last before it
    record(reached, stream);
    waitFor(computeStream, reached);
  }

  /** Like {@link #leadCompute}, and measures how long compute waits. */
  synchronized void leadComputeTimed() {
    addWaits();
    MemorySegment before = takeEvent();
    MemorySegment after = takeEvent();
    record(before, computeStream);
    leadCompute();
    record(after, computeStream);
    waits.add(new Wait(before, after));
  }

  /** Begins to measure what is queued next. */
  synchronized void beginTimed() {
    begin = takeEvent();
    record(begin, stream);
  }

  /** Notes that all calls of a collective have been queued. */
  synchronized void queued(CollectiveCall call) {
    MemorySegment end = takeEvent();
    record(end, stream);
    if (queue.isEmpty()) {
      firstSinceNanos = System.nanoTime();
    }
    queue.add(new Queued(call, begin, end));
    begin = MemorySegment.NULL;
  }

  /** {@return the first collective that has not ended; empty if all have} */
  synchronized Optional<Waiting> first() {
    while (!closed && !queue.isEmpty() && ended(queue.peek().end)) {
      Queued done = queue.remove();
      if (done.begin.address() != 0) {
        seconds += elapsedSeconds(done.begin, done.end);
        free.add(done.begin);
      }
      free.add(done.end);
      firstSinceNanos = System.nanoTime();
    }
    return closed || queue.isEmpty()
        ? Optional.empty()
        : Optional.of(new Waiting(queue.peek().call, firstSinceNanos));
  }

  /** {@return the times of what has ended since the last call} */
  synchronized AllReduceTimes takeTimes() {
    first();
    addWaits();
    AllReduceTimes times = new AllReduceTimes(seconds, waitSeconds);
    seconds = 0;
    waitSeconds = 0;
    return times;
  }

  private void addWaits() {
    while (!closed && !waits.isEmpty() && ended(waits.peek().end)) {
      Wait wait = waits.remove();
      waitSeconds += elapsedSeconds(wait.begin, wait.end);
      free.add(wait.begin);
      free.add(wait.end);
    }
  }

  private boolean ended(MemorySegment event) {
    int state = CudaRuntime.cudaEventQuery(event);
    if (state == CudaRuntime.cudaErrorNotReady()) {
      return false;
    }
    CudaStatus.check("cudaEventQuery", state);
    return true;
  }

  private double elapsedSeconds(MemorySegment from, MemorySegment to) {
    CudaStatus.check("cudaEventElapsedTime", CudaRuntime.cudaEventElapsedTime(out, from, to));
    return out.get(ValueLayout.JAVA_FLOAT, 0) / 1e3;
  }

  private MemorySegment takeEvent() {
    if (!free.isEmpty()) {
      return free.remove();
    }
    CudaStatus.check(
        "cudaEventCreateWithFlags",
        CudaRuntime.cudaEventCreateWithFlags(out, CudaRuntime.cudaEventDefault()));
    return out.get(ValueLayout.ADDRESS, 0);
  }

  private static void record(MemorySegment event, MemorySegment stream) {
    CudaStatus.check("cudaEventRecord", CudaRuntime.cudaEventRecord(event, stream));
  }

  private static void waitFor(MemorySegment stream, MemorySegment event) {
    CudaStatus.check("cudaStreamWaitEvent", CudaRuntime.cudaStreamWaitEvent(stream, event, 0));
  }

  /** Frees stream and events; what is queued may still run. */
  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    closed = true;
    free.add(reached);
    queue.forEach(queued -> free.add(queued.end));
    queue.stream().map(Queued::begin).filter(event -> event.address() != 0).forEach(free::add);
    waits.forEach(wait -> free.add(wait.begin));
    waits.forEach(wait -> free.add(wait.end));
    // a device that has failed refuses even this, and has failed the run with a better message
    free.forEach(CudaRuntime::cudaEventDestroy);
    CudaRuntime.cudaStreamDestroy(stream);
    arena.close();
  }
}

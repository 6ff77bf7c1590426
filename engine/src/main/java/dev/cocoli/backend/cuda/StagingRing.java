package dev.cocoli.backend.cuda;

import dev.cocoli.backend.Closing;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * One block of memory, handed out piece by piece, round and round. A piece is handed out again once
 * what used it last has run.
 *
 * @param <M> what marks the end of a use
 */
final class StagingRing<M extends StagingRing.Mark> implements AutoCloseable {
  private static final long ALIGNMENT_BYTES = 256;

  /** A point in a stream's work. */
  interface Mark extends AutoCloseable {
    /** Marks what was queued on a stream until now. */
    void record(MemorySegment stream);

    /** Returns whether what was marked has been done, without waiting. */
    boolean hasHappened();

    @Override
    void close();
  }

  private record Use<M>(long start, long end, M event) {
    boolean overlaps(long from, long to) {
      return start < to && from < end;
    }
  }

  private final MemorySegment memory;
  private final Supplier<M> events;
  private final Deque<Use<M>> pending = new ArrayDeque<>();
  private final Deque<M> spare = new ArrayDeque<>();
  private long head;
  private long taken;

  /**
   * Lays a ring over memory, which somebody else frees.
   *
   * @param memory the block
   * @param events makes events
   */
  StagingRing(MemorySegment memory, Supplier<M> events) {
    this.memory = memory;
    this.events = events;
  }

  /** Returns how large a piece can be. */
  long capacity() {
    return memory.byteSize();
  }

  /**
   * Hands out the next piece.
   *
   * @param byteSize its size, at most the capacity
   * @param waitFor what to do with the event after an earlier use of the same bytes
   */
  MemorySegment take(long byteSize, Consumer<M> waitFor) {
    if (byteSize > memory.byteSize()) {
      throw new IllegalArgumentException(
          byteSize + " bytes of a ring of " + memory.byteSize() + " bytes");
    }
    while (!pending.isEmpty() && pending.getFirst().event.hasHappened()) {
      spare.push(pending.removeFirst().event);
    }
    if (head + byteSize > memory.byteSize()) {
      // what follows belongs to the last round and is older than all before
      while (!pending.isEmpty() && pending.getFirst().start >= head) {
        retire(waitFor);
      }
      head = 0;
    }
    while (!pending.isEmpty() && pending.getFirst().overlaps(head, head + byteSize)) {
      retire(waitFor);
    }
    taken = head;
    head += (byteSize + ALIGNMENT_BYTES - 1) / ALIGNMENT_BYTES * ALIGNMENT_BYTES;
    return memory.asSlice(taken, byteSize);
  }

  private void retire(Consumer<M> waitFor) {
    Use<M> oldest = pending.removeFirst();
    waitFor.accept(oldest.event);
    spare.push(oldest.event);
  }

  /** Says that the piece handed out last is in use until a stream gets here. */
  void usedBy(MemorySegment stream) {
    M event = spare.isEmpty() ? events.get() : spare.pop();
    pending.addLast(new Use<>(taken, Math.min(head, memory.byteSize()), event));
    event.record(stream);
  }

  @Override
  public void close() {
    try {
      Closing.all(pending.stream().map(Use::event).toList());
    } finally {
      pending.clear();
      Closing.all(spare);
      spare.clear();
    }
  }
}

package dev.cocoli.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** No byte is handed out while an earlier use of it is not over. */
class StagingRingTest {
  private static final long CAPACITY = 64 << 10;

  /** A stream is a list of what runs on it; it runs when it is told to. */
  private static final class Flag implements StagingRing.Mark {
    private final List<Flag> open;
    private boolean happened = true;
    private boolean closed;

    Flag(List<Flag> open) {
      this.open = open;
    }

    @Override
    public void record(MemorySegment stream) {
      happened = false;
      open.add(this);
    }

    @Override
    public boolean hasHappened() {
      return happened;
    }

    void await() {
      // a stream runs in order
      while (!happened) {
        open.removeFirst().happened = true;
      }
    }

    @Override
    public void close() {
      closed = true;
    }
  }

  private record Piece(long start, long end, Flag flag) {}

  @Test
  void nothingIsHandedOutTwice() {
    for (long seed = 0; seed < 200; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      List<Flag> open = new ArrayList<>();
      List<Flag> all = new ArrayList<>();
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment block = arena.allocate(CAPACITY);
        StagingRing<Flag> ring =
            new StagingRing<>(
                block,
                () -> {
                  all.add(new Flag(open));
                  return all.getLast();
                });
        List<Piece> used = new ArrayList<>();
        for (int i = 0; i < 300; i++) {
          long most = random.nextInt(4) == 0 ? CAPACITY : CAPACITY / 8;
          long size = random.nextLong(1, most + 1);
          MemorySegment piece = ring.take(size, Flag::await);
          long start = piece.address() - block.address();
          assertEquals(size, piece.byteSize());
          for (Piece other : used) {
            boolean apart = other.end <= start || start + size <= other.start;
            assertTrue(apart || other.flag.happened, "seed " + seed + ", piece " + i);
          }
          used.removeIf(other -> other.flag.happened);
          if (random.nextInt(8) > 0) {
            ring.usedBy(MemorySegment.NULL);
            used.add(new Piece(start, start + size, open.getLast()));
          }
          while (!open.isEmpty() && random.nextInt(3) == 0) {
            open.removeFirst().happened = true;
          }
        }
        ring.close();
        assertTrue(all.stream().allMatch(flag -> flag.closed), "an event leaked, seed " + seed);
      }
    }
  }

  @Test
  void whatIsTooLargeIsRefused() {
    try (Arena arena = Arena.ofConfined()) {
      StagingRing<Flag> ring =
          new StagingRing<>(arena.allocate(CAPACITY), () -> new Flag(new ArrayList<>()));
      assertThrows(IllegalArgumentException.class, () -> ring.take(CAPACITY + 1, Flag::await));
      assertEquals(CAPACITY, ring.take(CAPACITY, Flag::await).byteSize());
    }
  }
}

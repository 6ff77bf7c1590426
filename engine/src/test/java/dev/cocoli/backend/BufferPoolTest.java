package dev.cocoli.backend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.tensor.Buffer;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Device;
import dev.cocoli.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class BufferPoolTest {
  private final Arena arena = Arena.ofConfined();
  private int taken;
  private int live;
  private final BufferPool pool = new BufferPool(this::chunk);

  private Buffer chunk(long byteSize) {
    taken++;
    live++;
    return new Buffer(Device.CPU, arena.allocate(byteSize, 64), () -> live--);
  }

  @AfterEach
  void close() {
    pool.close();
    assertEquals(0, live, "chunks that were not given back");
    arena.close();
  }

  @Test
  void aStepThatAsksForTheSameGetsTheSameMemory() {
    int afterFirst = 0;
    for (int step = 0; step < 20; step++) {
      List<Buffer> pieces = new ArrayList<>();
      for (int i = 0; i < 50; i++) {
        pieces.add(pool.take(100_000L + 37_000L * i));
      }
      pieces.forEach(Buffer::close);
      assertEquals(0, pool.usedBytes());
      if (step == 1) {
        afterFirst = taken;
      }
    }
    assertEquals(afterFirst, taken, "memory was fetched after the second step");
    assertEquals(1, live, "seams are left between chunks");
    assertTrue(pool.reservedBytes() < 1.2 * pool.peakUsedBytes());
  }

  @Test
  void piecesDoNotOverlap() {
    long seed = 61;
    Random random = new Random(seed);
    List<Buffer> pieces = new ArrayList<>();
    for (int i = 0; i < 3000; i++) {
      if (pieces.size() > 40 || random.nextInt(3) == 0 && !pieces.isEmpty()) {
        Buffer piece = pieces.remove(random.nextInt(pieces.size()));
        byte mark = (byte) piece.byteSize();
        for (long at = 0; at < piece.byteSize(); at += 61) {
          assertEquals(
              mark, piece.segment().get(ValueLayout.JAVA_BYTE, at), "seed " + seed + ", step " + i);
        }
        piece.close();
      } else {
        Buffer piece = pool.take(random.nextInt(200_000));
        assertEquals(0, piece.segment().address() % 64);
        piece.segment().fill((byte) piece.byteSize());
        pieces.add(piece);
      }
    }
    pieces.forEach(Buffer::close);
    assertEquals(0, pool.usedBytes());
  }

  @Test
  void neighboursMerge() {
    Buffer a = pool.take(3 << 20);
    Buffer b = pool.take(2 << 20);
    Buffer c = pool.take(3 << 20);
    b.close();
    a.close();
    c.close();
    try (Buffer all = pool.take(8 << 20)) {
      assertEquals(8 << 20, all.byteSize());
    }
    assertEquals(1, taken);
  }

  @Test
  void aSecondCloseDoesNothing() {
    Buffer a = pool.take(100);
    a.close();
    Buffer b = pool.take(100);
    long ofOne = pool.usedBytes();
    assertTrue(ofOne >= 100);
    a.close();
    assertEquals(ofOne, pool.usedBytes());
    b.close();
  }

  @Test
  void takesNothing() {
    try (Buffer nothing = pool.take(0)) {
      assertEquals(0, nothing.byteSize());
    }
  }

  @Test
  void trimGivesChunksBackWhenNothingIsOut() {
    Buffer a = pool.take(100);
    pool.trim();
    assertEquals(1, live);
    a.close();
    pool.trim();
    assertEquals(0, live);
    assertEquals(0, pool.reservedBytes());
    pool.take(100).close();
  }

  @Test
  void whatKeepsFreedMemoryIsToldWhenChunksAreReleased() {
    List<Integer> liveThen = new ArrayList<>();
    try (BufferPool told = new BufferPool(this::chunk, () -> liveThen.add(live))) {
      told.take(100).close();
      assertEquals(List.of(), liveThen);
      told.trim();
    }
    assertEquals(0, liveThen.getFirst());
  }

  @Test
  void aFailureToFetchLeavesThePoolUsable() {
    BufferPool small =
        new BufferPool(
            byteSize -> {
              if (byteSize > 32 << 20) {
                throw new IllegalStateException("out of memory");
              }
              return new Buffer(Device.CPU, MemorySegment.NULL.reinterpret(byteSize), () -> {});
            });
    Buffer a = small.take(100);
    assertThrows(IllegalStateException.class, () -> small.take(64 << 20));
    small.take(1000).close();
    a.close();
    assertEquals(0, small.usedBytes());
    small.close();
  }

  @Test
  void aClosedPoolRefuses() {
    Buffer out = pool.take(100);
    pool.close();
    assertEquals(0, live);
    out.close();
    assertThrows(IllegalStateException.class, () -> pool.take(1));
  }

  @Test
  void aScopeGivesBackWhatItGaveOut() {
    TensorScope scope = new TensorScope(pool);
    Tensor a = scope.allocate(DType.F32, 4, 4);
    try (TensorScope other = new TensorScope(pool)) {
      other.release(a);
    }
    assertEquals(1, scope.liveTensors(), "memory of another scope was released");
    scope.release(a.reshape(16));
    scope.release(a);
    assertEquals(0, scope.liveTensors());
    assertEquals(0, pool.usedBytes());
    scope.allocate(DType.I32, 3);
    scope.close();
    scope.close();
    assertEquals(0, pool.usedBytes());
    assertThrows(IllegalStateException.class, () -> scope.allocate(DType.F32, 1));
  }
}

package dev.cocoli.backend;

import dev.cocoli.tensor.Buffer;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.TreeSet;
import java.util.function.LongFunction;

/**
 * Hands out pieces of a few large chunks of a device's memory and takes them back: best fit,
 * neighbours merged. A step that asks for what the step before it asked for gets it without a call
 * to the operating system, so memory stays flat. When the last piece has come back and there are
 * several chunks, they give way to one of their joint size, which leaves no seams for a later large
 * piece to fall between.
 *
 * <p>One thread drives a device. Another one may close the pool or give pieces back, but it is not
 * made to be shared.
 */
public class BufferPool implements AutoCloseable {
  /**
   * Pieces begin at multiples of this from the start of their chunk: what {@code cudaMalloc} gives.
   * cublasLt refuses a workspace that is not aligned to 256 bytes.
   */
  private static final long ALIGNMENT_BYTES = 512;

  /** Chunks are multiples of this, so that small pieces do not each fetch their own. */
  private static final long CHUNK_BYTES = 8L << 20;

  private static final class Piece {
    final Chunk chunk;
    long start;
    long size;
    boolean free;
    Piece before;
    Piece after;

    Piece(Chunk chunk, long start, long size) {
      this.chunk = chunk;
      this.start = start;
      this.size = size;
      this.free = true;
    }
  }

  private record Chunk(int number, Buffer memory) {}

  private final LongFunction<Buffer> source;
  private final Runnable afterRelease;
  private final List<Chunk> chunks = new ArrayList<>();
  private final TreeSet<Piece> free =
      new TreeSet<>(
          Comparator.<Piece>comparingLong(piece -> piece.size)
              .thenComparingInt(piece -> piece.chunk.number())
              .thenComparingLong(piece -> piece.start));
  private long reservedBytes;
  private long usedBytes;
  private long peakUsedBytes;
  private long peakAtConsolidation;
  private int chunkNumber;
  private boolean closed;

  /**
   * Makes an empty pool.
   *
   * @param source allocates so many bytes of the device; throws if it cannot
   */
  public BufferPool(LongFunction<Buffer> source) {
    this(source, () -> {});
  }

  /**
   * Makes an empty pool over an allocator that keeps what is freed.
   *
   * @param source allocates so many bytes of the device; throws if it cannot
   * @param afterRelease gives what the allocator keeps back to the device, where libraries that
   *     allocate by themselves find it; runs after chunks were freed
   */
  public BufferPool(LongFunction<Buffer> source, Runnable afterRelease) {
    this.source = source;
    this.afterRelease = afterRelease;
  }

  /**
   * {@return a piece of memory; closing it gives it back}
   *
   * @param byteSize its size; 0 is allowed
   */
  public synchronized Buffer take(long byteSize) {
    if (closed) {
      throw new IllegalStateException("the pool is closed");
    }
    long size = Math.max(ALIGNMENT_BYTES, roundUp(byteSize, ALIGNMENT_BYTES));
    Piece piece = bestFit(size);
    if (piece == null) {
      piece = grow(size);
    }
    free.remove(piece);
    if (piece.size > size) {
      Piece rest = new Piece(piece.chunk, piece.start + size, piece.size - size);
      rest.before = piece;
      rest.after = piece.after;
      if (rest.after != null) {
        rest.after.before = rest;
      }
      piece.after = rest;
      piece.size = size;
      free.add(rest);
    }
    piece.free = false;
    usedBytes += size;
    peakUsedBytes = Math.max(peakUsedBytes, usedBytes);
    Piece taken = piece;
    MemorySegment segment = piece.chunk.memory().segment().asSlice(piece.start, byteSize);
    return new Buffer(piece.chunk.memory().device(), segment, () -> giveBack(taken));
  }

  private Piece bestFit(long size) {
    // the comparator falls back to chunk and place, so ask with a probe that is smaller than any of
    // its size
    Piece probe = new Piece(new Chunk(-1, null), 0, size);
    return free.ceiling(probe);
  }

  private Piece grow(long size) {
    long chunkSize = roundUp(size, CHUNK_BYTES);
    Buffer memory = source.apply(chunkSize);
    Chunk chunk = new Chunk(chunkNumber++, memory);
    chunks.add(chunk);
    reservedBytes += chunkSize;
    Piece piece = new Piece(chunk, 0, chunkSize);
    free.add(piece);
    return piece;
  }

  private synchronized void giveBack(Piece piece) {
    if (closed) {
      return;
    }
    usedBytes -= piece.size;
    piece.free = true;
    Piece next = piece.after;
    if (next != null && next.free) {
      free.remove(next);
      absorb(piece, next);
    }
    Piece previous = piece.before;
    if (previous != null && previous.free) {
      free.remove(previous);
      absorb(previous, piece);
      piece = previous;
    }
    free.add(piece);
    if (usedBytes == 0 && chunks.size() > 1) {
      consolidate();
    }
  }

  private static void absorb(Piece left, Piece right) {
    left.size += right.size;
    left.after = right.after;
    if (right.after != null) {
      right.after.before = left;
    }
  }

  private void consolidate() {
    // the peak is enough if pieces pack well; if they did not although the peak is an old one,
    // allow for the seams
    boolean newPeak = peakUsedBytes > peakAtConsolidation;
    long total = newPeak ? roundUp(peakUsedBytes, CHUNK_BYTES) : reservedBytes;
    peakAtConsolidation = peakUsedBytes;
    releaseChunks();
    grow(total);
  }

  /** Gives all chunks back to the device if no piece is out. */
  public synchronized void trim() {
    if (usedBytes == 0 && !closed) {
      releaseChunks();
    }
  }

  private void releaseChunks() {
    free.clear();
    for (Chunk chunk : chunks) {
      chunk.memory().close();
    }
    chunks.clear();
    reservedBytes = 0;
    afterRelease.run();
  }

  /** {@return the bytes held from the device} */
  public long reservedBytes() {
    return reservedBytes;
  }

  /** {@return the bytes now handed out} */
  public long usedBytes() {
    return usedBytes;
  }

  /** {@return the most bytes that were ever handed out at once} */
  public long peakUsedBytes() {
    return peakUsedBytes;
  }

  /** Frees everything, pieces still out included. */
  @Override
  public synchronized void close() {
    if (!closed) {
      closed = true;
      releaseChunks();
    }
  }

  private static long roundUp(long value, long multiple) {
    return Math.addExact(value, multiple - 1) / multiple * multiple;
  }
}

package dev.cocoli.backend;

import dev.cocoli.tensor.Buffer;
import java.util.function.LongFunction;

/**
 * A pool that keeps nothing: every piece is an allocation of its own, so that a memory checker sees
 * where it ends. For finding mistakes; it is slow.
 */
public final class ExactPool extends BufferPool {
  private final LongFunction<Buffer> source;
  private long usedBytes;

  /**
   * Makes a pool.
   *
   * @param source allocates so many bytes of the device; throws if it cannot
   */
  public ExactPool(LongFunction<Buffer> source) {
    super(source);
    this.source = source;
  }

  @Override
  public Buffer take(long byteSize) {
    Buffer memory = source.apply(byteSize);
    usedBytes += byteSize;
    return new Buffer(
        memory.device(),
        memory.segment(),
        () -> {
          usedBytes -= byteSize;
          memory.close();
        });
  }

  @Override
  public long usedBytes() {
    return usedBytes;
  }

  @Override
  public long reservedBytes() {
    return usedBytes;
  }
}

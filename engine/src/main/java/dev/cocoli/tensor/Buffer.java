package dev.cocoli.tensor;

import java.lang.foreign.MemorySegment;

/**
 * A piece of a device's memory. Whoever got it closes it; a second close does nothing.
 *
 * <p>For {@link Device.Kind#CUDA} the segment holds a device address and its bytes cannot be read
 * from the host.
 */
public final class Buffer implements AutoCloseable {
  private final Device device;
  private final MemorySegment segment;
  private final Runnable release;
  private long version;
  private boolean closed;

  /**
   * Takes over a piece of memory.
   *
   * @param device where it lies
   * @param segment its address and size
   * @param release gives it back; runs once
   */
  public Buffer(Device device, MemorySegment segment, Runnable release) {
    this.device = device;
    this.segment = segment;
    this.release = release;
  }

  /** {@return where it lies} */
  public Device device() {
    return device;
  }

  /** {@return its address and size} */
  public MemorySegment segment() {
    return segment;
  }

  /** {@return its size in bytes} */
  public long byteSize() {
    return segment.byteSize();
  }

  /**
   * {@return how often {@link #markWritten} was called: what is derived from a parameter (a packed
   * copy, a folded scale) is stale when this has moved}
   */
  public long version() {
    return version;
  }

  /** Notes that values that others may have derived from were overwritten. */
  public void markWritten() {
    version++;
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      release.run();
    }
  }
}

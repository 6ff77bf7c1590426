package dev.cocoli.tensor;

import java.lang.foreign.MemorySegment;

/**
 * A contiguous range of one device's memory. Its owner closes it; a second close does nothing.
 *
 * <p>For {@link Device.Kind#CUDA} the segment holds a device address, so that the host cannot read
 * its bytes.
 */
public final class Buffer implements AutoCloseable {
  private final Device device;
  private final MemorySegment segment;
  private final Runnable release;
  private long version;
  private long settledVersion = -1;

  /** Not volatile: a check helps to find mistakes, the memory is protected by its arena. */
  private boolean closed;

  /**
   * Wraps allocated memory.
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

  /**
   * {@return its address and size}
   *
   * @throws IllegalStateException if the buffer is closed
   */
  public MemorySegment segment() {
    requireOpen(this);
    return segment;
  }

  /**
   * Throws if the buffer is closed.
   *
   * @param user what is used, for the message
   */
  void requireOpen(Object user) {
    if (closed) {
      throw new IllegalStateException(user + " is used after its memory was given back");
    }
  }

  /** {@return its size in bytes} */
  public long byteSize() {
    return segment.byteSize();
  }

  /**
   * {@return the number of calls of {@link #markWritten} so far. A value derived from this memory
   * (a packed copy, a folded scale) is stale when the number has changed}
   */
  public long version() {
    return version;
  }

  /** Records that the contents were overwritten. Whoever overwrites shared values calls it. */
  public void markWritten() {
    version++;
  }

  /**
   * Records that the contents stay as they are: what a backend derives from them (a packed copy) is
   * worth keeping from its first use on. A later {@link #markWritten} takes that back.
   */
  public void markSettled() {
    settledVersion = version;
  }

  /** {@return whether the contents were said to stay, and were not overwritten since} */
  public boolean isSettled() {
    return settledVersion == version;
  }

  @Override
  public void close() {
    synchronized (this) {
      if (closed) {
        return;
      }
      closed = true;
    }
    release.run();
  }

  @Override
  public String toString() {
    return "a buffer of " + byteSize() + " bytes@" + device;
  }
}

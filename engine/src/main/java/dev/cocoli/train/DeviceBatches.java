package dev.cocoli.train;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.BufferPool;
import dev.cocoli.data.Batch;
import dev.cocoli.data.Epoch;

/**
 * The batches of an epoch, on the device. Where the device copies while it computes, the images of
 * the next step are sent during the step before.
 */
final class DeviceBatches implements AutoCloseable {
  private final Backend backend;
  private final BufferPool ahead;
  private final Epoch epoch;

  /** The batch that was sent ahead, or null. */
  private DeviceBatch next;

  /**
   * Takes over an epoch.
   *
   * @param backend where
   * @param ahead where images lie that are sent ahead: apart, so that each step finds the backend's
   *     pool as the step before did
   * @param epoch closed with this
   */
  DeviceBatches(Backend backend, BufferPool ahead, Epoch epoch) {
    this.backend = backend;
    this.ahead = ahead;
    this.epoch = epoch;
  }

  boolean hasNext() {
    return next != null || epoch.hasNext();
  }

  /** Returns the next batch, which the caller closes; waits for its images. */
  DeviceBatch next() {
    DeviceBatch sent = next;
    next = null;
    return sent != null ? sent : upload(backend.pool());
  }

  /** Sends the next batch ahead if that costs no time. */
  void sendAhead() {
    if (next == null && backend.transfers().copiesBeside() && epoch.isNextReady()) {
      next = upload(ahead);
    }
  }

  private DeviceBatch upload(BufferPool pool) {
    try (Batch batch = epoch.next()) {
      return DeviceBatch.upload(backend, pool, batch);
    }
  }

  /** Returns the nanoseconds that {@link #next} has waited for images, all in all. */
  long waitNanos() {
    return epoch.waitNanos();
  }

  @Override
  public void close() {
    if (next != null) {
      next.close();
      next = null;
    }
    epoch.close();
  }
}

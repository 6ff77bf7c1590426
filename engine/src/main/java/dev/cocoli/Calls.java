package dev.cocoli;

import dev.cocoli.structures.Detection;
import java.util.List;
import java.util.function.Function;

/** Computes the calls of a detector. Many threads may call at once. */
interface Calls {
  /**
   * Waits for the detections.
   *
   * @throws IllegalStateException if this is closed
   */
  List<List<Detection>> run(DetectionCall call);

  /**
   * Waits for other work with a network.
   *
   * @throws IllegalStateException if this is closed
   */
  <T> T run(Function<Network, T> work);

  /** Waits for the calls in progress, refuses later ones, and frees what is owned. */
  void close();

  /** One call after the other, each on its own thread, on a network that belongs to others. */
  final class OnCallersThread implements Calls {
    private final Network network;
    private boolean closed;

    OnCallersThread(Network network) {
      this.network = network;
    }

    @Override
    public synchronized List<List<Detection>> run(DetectionCall call) {
      requireOpen(closed);
      return network.detect(call);
    }

    @Override
    public synchronized <T> T run(Function<Network, T> work) {
      requireOpen(closed);
      return work.apply(network);
    }

    @Override
    public synchronized void close() {
      closed = true;
    }
  }

  /** Throws if a detector is closed. */
  static void requireOpen(boolean closed) {
    if (closed) {
      throw new IllegalStateException("the detector is closed");
    }
  }
}

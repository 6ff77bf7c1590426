package dev.cocoli.detection;

import dev.cocoli.ops.Ops;

/** Takes the time of the parts of a detection. */
@FunctionalInterface
public interface PartListener {
  /** Listens to nothing. */
  PartListener NONE = (ops, part) -> {};

  /**
   * A part has been enqueued; on a device that computes asynchronously it may not have run yet.
   *
   * @param ops the forward pass
   * @param part the part
   */
  void enqueued(Ops ops, DetectionPart part);
}

package dev.cocoli.detection;

import dev.cocoli.ops.Ops;

/** Is told where a detection is, so that it can take the time. */
@FunctionalInterface
public interface PartListener {
  /** Listens to nothing. */
  PartListener NONE = (ops, part) -> {};

  /**
   * A part has been enqueued; on a device that computes behind the caller's back it may not have
   * run yet.
   *
   * @param ops the forward pass
   * @param part the part
   */
  void enqueued(Ops ops, DetectionPart part);
}

package dev.cocoli.backend.cpu.onednn;

import java.lang.foreign.MemorySegment;

/** A form that a primitive wants its weights in. Few exist: {@link PackedWeights} compares them. */
interface WeightForm {
  /** {@return whether the weights are wanted as tensors hold them} */
  boolean isPlain();

  /** {@return the bytes of weights in this form} */
  long byteSize();

  /**
   * Converts weights to this form.
   *
   * @param from weights as tensors hold them
   * @param to weights in this form
   */
  void pack(MemorySegment from, MemorySegment to);
}

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

  /** {@return what this form is, apart from the backend that converts to it} */
  Identity identity();

  /** What a form is: the key of copies that several backends share. */
  interface Identity extends AutoCloseable {
    /** {@return whether a form, perhaps of another backend, is this one} */
    boolean isOf(WeightForm form);

    @Override
    void close();
  }
}

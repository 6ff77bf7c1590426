package dev.cocoli.backend.primitives;

import dev.cocoli.backend.HostLayouts;
import dev.cocoli.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Moves bytes between the host and the device. Only {@link #download} and {@link #synchronize} wait
 * for what was called before.
 */
public interface Transfers {
  /**
   * Copies host memory to the device. The host's bytes may be overwritten as soon as this returns.
   *
   * @param host as many bytes as the tensor has
   * @param to the tensor
   */
  void upload(MemorySegment host, Tensor to);

  /**
   * Copies numbers to the device.
   *
   * @param values as many as the tensor has elements
   * @param to a tensor of fp32
   */
  default void upload(float[] values, Tensor to) {
    upload(MemorySegment.ofArray(values), to);
  }

  /**
   * Copies numbers to the device and transposes two axes on the way: channels come first in files
   * and last here.
   *
   * @param host fp32 {@code [outer, rows, columns]}, anywhere in the host's memory
   * @param outer number of matrices
   * @param rows of each, in {@code host}
   * @param columns of each, in {@code host}
   * @param to fp32, as many elements; written as {@code [outer, columns, rows]}
   */
  default void uploadTransposed(
      MemorySegment host, long outer, long rows, long columns, Tensor to) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment transposed = arena.allocate(host.byteSize(), Float.BYTES);
      HostLayouts.transpose(host, transposed, outer, rows, columns);
      upload(transposed, to);
    }
  }

  /**
   * Waits for all that was called before, then copies to the host.
   *
   * @param from the tensor
   * @param host as many bytes as the tensor has
   */
  void download(Tensor from, MemorySegment host);

  /**
   * {@return how often {@link #download} was called: a step and a detection have a budget of one}
   */
  long downloadCount();

  /** Waits for all that was called before. */
  void synchronize();

  /**
   * {@return whether {@link #upload} copies beside what was called for before, so that it pays to
   * send what the next step needs while this one runs}
   */
  default boolean copiesBeside() {
    return false;
  }

  /**
   * {@return an upper bound on the largest of the counts, without waiting: what the device holds
   * where reading it is free, else the capacity}
   *
   * @param counts I32 {@code [N]}
   * @param capacity the most that a count can be
   */
  default long upperBound(Tensor counts, long capacity) {
    return capacity;
  }
}

package dev.cocoli.backend;

import dev.cocoli.tensor.Buffer;
import dev.cocoli.tensor.Tensor;

/**
 * Identifies a copy of weights that a backend keeps: where weights and scale lie, and the form that
 * they are copied to. Buffers and form are compared by identity.
 *
 * @param weight where the weights lie
 * @param weightOffset bytes before them
 * @param scale where the factors lie that are multiplied in, or null
 * @param scaleOffset bytes before them
 * @param form the form of the copy: one object per form
 */
public record WeightKey(
    Buffer weight, long weightOffset, Buffer scale, long scaleOffset, Object form) {
  /**
   * {@return the key of a copy}
   *
   * @param weight the weights
   * @param scale what is multiplied in, or null
   * @param form one object per form
   */
  public static WeightKey of(Tensor weight, Tensor scale, Object form) {
    return new WeightKey(
        weight.buffer(),
        weight.byteOffset(),
        scale == null ? null : scale.buffer(),
        scale == null ? 0 : scale.byteOffset(),
        form);
  }

  /**
   * {@return whether weights or scale lie in a buffer}
   *
   * @param buffer the buffer
   */
  public boolean reads(Buffer buffer) {
    return weight == buffer || scale == buffer;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof WeightKey that
        && weight == that.weight
        && weightOffset == that.weightOffset
        && scale == that.scale
        && scaleOffset == that.scaleOffset
        && form == that.form;
  }

  @Override
  public int hashCode() {
    int hash = 31 * System.identityHashCode(weight) + Long.hashCode(weightOffset);
    return 31 * hash + System.identityHashCode(form);
  }
}

package dev.cocoli.backend.primitives;

import dev.cocoli.backend.spec.Activation;
import dev.cocoli.tensor.Tensor;

/** Operations on each element of tensors of the same shape. */
public interface Elementwise {
  /**
   * Sum: {@code y = a + b}; y may be one of them.
   *
   * @param a any shape
   * @param b like a
   * @param y like a
   */
  void add(Tensor a, Tensor b, Tensor y);

  /**
   * Sets the gradient to 0 where the activation's output is not positive.
   *
   * @param y the output of a {@link Activation#RELU}
   * @param dy like y, overwritten
   */
  void reluBackward(Tensor y, Tensor dy);
}

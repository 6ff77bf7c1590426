package dev.cocoli.backend.primitives;

import dev.cocoli.backend.spec.Activation;
import dev.cocoli.tensor.Tensor;

/** Fully connected layers of rows {@code [M,I]} by weights {@code [O,I]}, and their gradients. */
public interface Dense {
  /**
   * Fully connected layer: {@code y = activation(x weight^T + bias)}.
   *
   * @param activation applied last
   * @param x {@code [M,I]}
   * @param weight {@code [O,I]}
   * @param bias {@code [O]} or null
   * @param y {@code [M,O]}
   */
  void linear(Activation activation, Tensor x, Tensor weight, Tensor bias, Tensor y);

  /**
   * Gradient of {@link #linear} by its input: {@code dx = dy weight}.
   *
   * @param dy {@code [M,O]}
   * @param weight {@code [O,I]}
   * @param dx {@code [M,I]}
   */
  void linearBackwardData(Tensor dy, Tensor weight, Tensor dx);

  /**
   * Adds the gradients of {@link #linear} by its parameters.
   *
   * @param x {@code [M,I]}
   * @param dy {@code [M,O]}
   * @param dWeight {@code [O,I]}, added to
   * @param dBias {@code [O]}, added to, or null
   */
  void linearBackwardWeight(Tensor x, Tensor dy, Tensor dWeight, Tensor dBias);
}

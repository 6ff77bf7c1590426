package dev.cocoli.backend.primitives;

import dev.cocoli.backend.spec.Pool2dSpec;
import dev.cocoli.tensor.Tensor;

/** Maxima over windows of maps {@code [N,H,W,C]}, and their gradient. */
public interface Pooling {
  /**
   * Maximum over windows. The first of equal elements wins.
   *
   * @param spec the window
   * @param x {@code [N,H,W,C]}
   * @param y {@code [N,H',W',C]}
   * @param argmax U8 like y: the winner's place in the window, row-major; or null
   */
  void maxPool2d(Pool2dSpec spec, Tensor x, Tensor y, Tensor argmax);

  /**
   * Gradient of {@link #maxPool2d}.
   *
   * @param spec the window
   * @param dy like y
   * @param argmax what the forward call wrote
   * @param dx like x
   */
  void maxPool2dBackward(Pool2dSpec spec, Tensor dy, Tensor argmax, Tensor dx);
}

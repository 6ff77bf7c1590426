package dev.cocoli.backend.primitives;

import dev.cocoli.backend.spec.SgdSpec;
import dev.cocoli.tensor.Tensor;

/** What happens to gradients and parameters between two steps. */
public interface Updates {
  /**
   * The sum of squares, accumulated in double precision where that is free. Not finite if an
   * element is not.
   *
   * @param x any shape
   * @param sum {@code [1]}
   */
  void squaredNorm(Tensor x, Tensor sum);

  /**
   * Scales a gradient down to a norm, as {@code torch.nn.utils.clip_grad_norm_} does.
   *
   * @param gradient overwritten
   * @param squaredNorm {@code [1]} of {@link #squaredNorm}
   * @param maxNorm the most that the norm may be
   */
  void clipByNorm(Tensor gradient, Tensor squaredNorm, float maxNorm);

  /**
   * Multiplies every element by a number.
   *
   * @param x F32, any shape; overwritten
   * @param factor the number
   */
  void scale(Tensor x, float factor);

  /**
   * {@code velocity = momentum * velocity + gradient + weightDecay * parameter; parameter -=
   * learningRate * velocity}.
   *
   * @param spec constants
   * @param parameter updated
   * @param gradient like the parameter
   * @param velocity like the parameter, updated
   */
  void sgdUpdate(SgdSpec spec, Tensor parameter, Tensor gradient, Tensor velocity);
}

package dev.cocoli.backend;

import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Shape;
import dev.cocoli.tensor.Tensor;
import java.util.List;

/**
 * A part of a forward pass that makes the same calls for the same input shape. It neither uploads,
 * downloads nor waits, and all that it reads but its input lives longer than a step.
 */
@FunctionalInterface
public interface CapturedRegion {
  /**
   * What decides which calls are made.
   *
   * @param owner the network, by identity
   * @param shape of the input
   * @param dtype of the input
   */
  record Key(Object owner, Shape shape, DType dtype) {
    @Override
    public boolean equals(Object other) {
      return other instanceof Key that
          && owner == that.owner
          && shape.equals(that.shape)
          && dtype == that.dtype;
    }

    @Override
    public int hashCode() {
      return 31 * (31 * System.identityHashCode(owner) + shape.hashCode()) + dtype.hashCode();
    }
  }

  /**
   * {@return the results}
   *
   * @param scope where all that it allocates comes from
   * @param input the input; it may be released
   */
  List<Tensor> run(TensorScope scope, Tensor input);
}

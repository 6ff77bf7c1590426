package dev.cocoli.detection.head;

import dev.cocoli.nn.Module;
import dev.cocoli.ops.Ops;
import dev.cocoli.tensor.Tensor;

/**
 * Describes each pooled region by one vector. In: {@code [R,bins,bins,C]}; out: {@code [R,D]}. A
 * subclass may lie outside this library; {@link TwoMlpHead} is torchvision's.
 */
public abstract class BoxHead extends Module {
  /** For subclasses. */
  protected BoxHead() {}

  /**
   * {@return the vectors {@code [R,D]}}
   *
   * @param ops the forward pass
   * @param pooled {@code [R,bins,bins,C]}, R may be 0; not released
   */
  public abstract Tensor forward(Ops ops, Tensor pooled);

  /** {@return D} */
  public abstract long outFeatures();
}

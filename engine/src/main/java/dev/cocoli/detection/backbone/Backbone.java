package dev.cocoli.detection.backbone;

import dev.cocoli.nn.Module;
import dev.cocoli.ops.Ops;
import dev.cocoli.tensor.Tensor;
import java.util.List;
import java.util.Optional;

/**
 * Turns a batch of images into the maps that regions are found on and pooled from. In: {@code
 * [N,H,W,3]}, H and W multiples of 32; out: maps {@code [N,h,w,C]}, finest first.
 */
public abstract class Backbone extends Module {
  /** For subclasses, which may lie outside this library. */
  protected Backbone() {}

  /**
   * {@return the maps, finest first} It makes the same calls whenever images have the same shape,
   * because it may be captured.
   *
   * @param ops the forward pass
   * @param images {@code [N,H,W,3]}, normalised; released
   */
  public abstract List<Tensor> forward(Ops ops, Tensor images);

  /** {@return C, the channels of every map} */
  public abstract long outChannels();

  /**
   * {@return the part of it that a classifier has under the same keys, so that training may start
   * from the classifier's weights; nothing if there is no such part}
   */
  public Optional<Module> pretrained() {
    return Optional.empty();
  }
}

package dev.cocoli.detection.backbone;

import dev.cocoli.nn.Module;
import dev.cocoli.ops.Ops;
import dev.cocoli.tensor.Tensor;
import java.util.Optional;

/**
 * Describes each of many small images by one vector: a classifier without its last layer. In:
 * {@code [B,S,S,3]}, S a multiple of 32; out: {@code [B,D]}.
 */
public abstract class RegionEncoder extends Module {
  /** For subclasses, which may lie outside this library. */
  protected RegionEncoder() {}

  /**
   * {@return the vectors}
   *
   * @param ops the forward pass
   * @param images {@code [B,S,S,3]}, normalised; released
   */
  public abstract Tensor forward(Ops ops, Tensor images);

  /** {@return D} */
  public abstract long outFeatures();

  /**
   * {@return the part of it that a torchvision classifier has under the same keys; nothing if there
   * is no such part}
   */
  public Optional<Module> pretrained() {
    return Optional.empty();
  }
}

package dev.cocoli.detection.backbone;

import dev.cocoli.nn.Module;
import dev.cocoli.ops.Ops;
import dev.cocoli.tensor.Tensor;

/**
 * Describes each of many small images by one vector: a classifier without its last layer. In:
 * {@code [B,S,S,3]}, S a multiple of 32; out: {@code [B,D]}.
 */
public abstract sealed class RegionEncoder extends Module permits ResNetEncoder, VggEncoder {
  RegionEncoder() {}

  /**
   * {@return the vectors}
   *
   * @param ops the forward pass
   * @param images {@code [B,S,S,3]}, normalised; released
   */
  public abstract Tensor forward(Ops ops, Tensor images);

  /** {@return D} */
  public abstract long outFeatures();

  /** {@return the part of it that a torchvision classifier has under the same keys} */
  public abstract Module pretrained();
}

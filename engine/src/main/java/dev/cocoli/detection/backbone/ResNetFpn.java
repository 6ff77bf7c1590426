package dev.cocoli.detection.backbone;

import dev.cocoli.nn.Module;
import dev.cocoli.nn.Norm;
import dev.cocoli.ops.Ops;
import dev.cocoli.tensor.Tensor;
import java.util.List;
import java.util.Optional;
import java.util.function.LongFunction;

/**
 * A residual network with a feature pyramid (torchvision's {@code BackboneWithFPN}). In: {@code
 * [N,H,W,3]}; out: five maps of the same channels at strides 4 to 64.
 */
public final class ResNetFpn extends Backbone {
  private final ResNet body;
  private final FeaturePyramidNetwork fpn;
  private final long outChannels;

  /**
   * Builds both.
   *
   * @param config which ResNet
   * @param norm makes the normalisation of so many channels
   * @param trainableLayers how many of its layers are trained
   * @param outChannels channels of the pyramid's maps
   */
  public ResNetFpn(
      ResNetConfig config, LongFunction<Norm> norm, int trainableLayers, long outChannels) {
    this.outChannels = outChannels;
    body = child("body", new ResNet(config, norm, trainableLayers));
    fpn = child("fpn", new FeaturePyramidNetwork(body.channels(), outChannels));
  }

  @Override
  public long outChannels() {
    return outChannels;
  }

  @Override
  public List<Tensor> forward(Ops ops, Tensor images) {
    return fpn.forward(ops, body.forward(ops, images));
  }

  @Override
  public Optional<Module> pretrained() {
    return Optional.of(body);
  }
}

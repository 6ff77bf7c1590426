package dev.cocoli.detection.backbone;

import dev.cocoli.nn.Module;
import dev.cocoli.nn.Norm;
import dev.cocoli.ops.Ops;
import dev.cocoli.tensor.Tensor;
import java.util.List;
import java.util.Optional;
import java.util.function.LongFunction;

/**
 * A residual network up to its third layer (the C4 of He et al. 2016, section A of its appendix).
 * In: {@code [N,H,W,3]}; out: one map {@code [N,H/16,W/16,C]}.
 */
public final class ResNetC4 extends Backbone {
  private static final int LAYERS = 3;

  private final ResNet body;

  /**
   * Builds the network.
   *
   * @param config which ResNet
   * @param norm makes the normalisation of so many channels
   * @param trainableLayers how many of all its layers, the absent fourth included, are trained
   */
  public ResNetC4(ResNetConfig config, LongFunction<Norm> norm, int trainableLayers) {
    body = child("body", new ResNet(config, norm, trainableLayers, LAYERS));
  }

  @Override
  public List<Tensor> forward(Ops ops, Tensor images) {
    List<Tensor> maps = body.forward(ops, images);
    maps.subList(0, maps.size() - 1).forEach(ops::release);
    return List.of(maps.getLast());
  }

  @Override
  public long outChannels() {
    return body.channels().getLast();
  }

  @Override
  public Optional<Module> pretrained() {
    return Optional.of(body);
  }
}

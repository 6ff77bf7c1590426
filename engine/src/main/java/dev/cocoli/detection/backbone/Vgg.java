package dev.cocoli.detection.backbone;

import dev.cocoli.nn.Module;
import dev.cocoli.ops.Ops;
import dev.cocoli.tensor.Tensor;
import java.util.List;
import java.util.Optional;

/**
 * VGG-16 as Fast and Faster R-CNN use it: without its last pooling. In: {@code [N,H,W,3]}; out: one
 * map {@code [N,H/16,W/16,512]}.
 */
public final class Vgg extends Backbone {
  private final VggFeatures features;
  private final long outChannels;

  /**
   * Builds the network.
   *
   * @param config its widths
   * @param trainableStages how many of its five stages, from the last on, are trained; the papers
   *     train three
   */
  public Vgg(VggConfig config, int trainableStages) {
    features = child("features", new VggFeatures(config, trainableStages));
    outChannels = config.widths().getLast();
  }

  @Override
  public List<Tensor> forward(Ops ops, Tensor images) {
    return List.of(features.forward(ops, images));
  }

  @Override
  public long outChannels() {
    return outChannels;
  }

  @Override
  public Optional<Module> pretrained() {
    return Optional.of(this);
  }
}

package dev.cocoli.detection.backbone;

import dev.cocoli.backend.spec.Activation;
import dev.cocoli.nn.Layout;
import dev.cocoli.nn.Linear;
import dev.cocoli.nn.Module;
import dev.cocoli.ops.MapOps;
import dev.cocoli.ops.Ops;
import dev.cocoli.tensor.Tensor;
import java.util.Optional;

/**
 * VGG-16 up to its second fully connected layer, {@code fc7} (torchvision's {@code vgg16} without
 * {@code classifier.6} and without dropout). In: {@code [B,S,S,3]}; out: {@code [B,D]}.
 */
public final class VggEncoder extends RegionEncoder {
  private final VggFeatures features;
  private final Linear fc6;
  private final Linear fc7;
  private final long outFeatures;

  /**
   * Builds the network.
   *
   * @param config its widths
   * @param trainableStages how many of its five stages of convolutions are trained
   * @param side S
   * @param outFeatures D, the width of both layers
   */
  public VggEncoder(VggConfig config, int trainableStages, int side, long outFeatures) {
    long channels = config.widths().getLast();
    long bins = side / 32;
    this.outFeatures = outFeatures;
    features = child("features", new VggFeatures(config, trainableStages));
    Layout columns = new Layout.FlattenedMap(channels, bins);
    fc6 = child("classifier.0", new Linear(channels * bins * bins, outFeatures, columns));
    fc7 = child("classifier.3", new Linear(outFeatures, outFeatures));
  }

  @Override
  public Tensor forward(Ops ops, Tensor images) {
    Tensor map = features.forward(ops, images);
    Tensor pooled = new MapOps(ops).maxPool2d(VggFeatures.POOL, map);
    ops.release(map);
    long columns = pooled.dim(1) * pooled.dim(2) * pooled.dim(3);
    Tensor flat = ops.reshape(pooled, pooled.dim(0), columns);
    Tensor hidden = fc6.forward(ops, flat, Activation.RELU);
    ops.release(flat);
    Tensor result = fc7.forward(ops, hidden, Activation.RELU);
    ops.release(hidden);
    return result;
  }

  @Override
  public long outFeatures() {
    return outFeatures;
  }

  @Override
  public Optional<Module> pretrained() {
    return Optional.of(this);
  }
}

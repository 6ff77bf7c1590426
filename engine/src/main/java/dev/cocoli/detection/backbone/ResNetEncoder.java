package dev.cocoli.detection.backbone;

import dev.cocoli.backend.spec.RoiAlignSpec;
import dev.cocoli.nn.Module;
import dev.cocoli.nn.Norm;
import dev.cocoli.ops.Ops;
import dev.cocoli.ops.RoiOps;
import dev.cocoli.tensor.Tensor;
import java.util.List;
import java.util.Optional;
import java.util.function.LongFunction;

/**
 * A residual network up to its average pooling (torchvision's {@code resnet} without {@code fc}).
 * In: {@code [B,S,S,3]}; out: {@code [B,D]}.
 */
public final class ResNetEncoder extends RegionEncoder {
  private final ResNet body;

  /**
   * Builds the network.
   *
   * @param config which ResNet
   * @param norm makes the normalisation of so many channels
   * @param trainableLayers how many of its layers are trained
   */
  public ResNetEncoder(ResNetConfig config, LongFunction<Norm> norm, int trainableLayers) {
    body = child("body", new ResNet(config, norm, trainableLayers));
  }

  @Override
  public Tensor forward(Ops ops, Tensor images) {
    List<Tensor> maps = body.forward(ops, images);
    maps.subList(0, maps.size() - 1).forEach(ops::release);
    return average(ops, maps.getLast());
  }

  /** The mean of each map: RoIAlign with one bin and a sample in the middle of each pixel. */
  private static Tensor average(Ops ops, Tensor map) {
    int count = Math.toIntExact(map.dim(0));
    int side = Math.toIntExact(map.dim(1));
    float[] whole = new float[5 * count];
    for (int i = 0; i < count; i++) {
      whole[5 * i] = i;
      whole[5 * i + 3] = side;
      whole[5 * i + 4] = side;
    }
    RoiAlignSpec mean = RoiAlignSpec.single(1, side, true, 1);
    Tensor pooled = new RoiOps(ops).roiAlign(mean, List.of(map), ops.upload(whole, count, 5));
    ops.release(map);
    return ops.reshape(pooled, count, pooled.dim(3));
  }

  @Override
  public long outFeatures() {
    return body.channels().getLast();
  }

  @Override
  public Optional<Module> pretrained() {
    return Optional.of(body);
  }
}

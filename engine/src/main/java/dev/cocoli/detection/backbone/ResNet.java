package dev.cocoli.detection.backbone;

import dev.cocoli.backend.spec.Activation;
import dev.cocoli.backend.spec.Conv2dSpec;
import dev.cocoli.backend.spec.Pool2dSpec;
import dev.cocoli.nn.Conv2d;
import dev.cocoli.nn.Module;
import dev.cocoli.nn.Norm;
import dev.cocoli.ops.MapOps;
import dev.cocoli.ops.Ops;
import dev.cocoli.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongFunction;

/**
 * A residual network without its classifier (torchvision's {@code resnet}). In: images {@code
 * [N,H,W,3]}; out: the four layers' maps {@code [N,H/4,W/4,C1]} to {@code [N,H/32,W/32,C4]}.
 */
public final class ResNet extends Module {
  private static final Pool2dSpec POOL = new Pool2dSpec(3, 2, 1);

  private final Conv2d conv1;
  private final Norm bn1;
  private final List<Layer> layers = new ArrayList<>();
  private final List<Long> channels = new ArrayList<>();

  /** Blocks one after the other. */
  private static final class Layer extends Module {
    private final List<ResidualBlock> blocks = new ArrayList<>();

    void add(ResidualBlock block) {
      blocks.add(child(Integer.toString(blocks.size()), block));
    }

    Tensor forward(Ops ops, Tensor x) {
      Tensor y = x;
      for (ResidualBlock block : blocks) {
        Tensor next = block.forward(ops, y);
        if (y != x) {
          ops.release(y);
        }
        y = next;
      }
      return y;
    }
  }

  /**
   * Builds the network.
   *
   * @param config which one
   * @param norm makes the normalisation of so many channels
   * @param trainableLayers how many layers, from the last on, are trained: 5 is all, the stem
   *     included
   */
  public ResNet(ResNetConfig config, LongFunction<Norm> norm, int trainableLayers) {
    this(config, norm, trainableLayers, 4);
  }

  /**
   * Builds the first layers of the network.
   *
   * @param config which one
   * @param norm makes the normalisation of so many channels
   * @param trainableLayers how many layers are trained, counted from the fourth on, present or not
   * @param layerCount how many there are, 3 or 4
   */
  ResNet(ResNetConfig config, LongFunction<Norm> norm, int trainableLayers, int layerCount) {
    if (trainableLayers < 0 || trainableLayers > 5) {
      throw new IllegalArgumentException(
          "trainable backbone layers are 0 to 5, not " + trainableLayers);
    }
    long in = config.widths().getFirst();
    conv1 = child("conv1", Conv2d.beforeNorm(3, in, Conv2dSpec.of(7, 2, 3)));
    bn1 = child("bn1", norm.apply(in));
    for (int i = 0; i < layerCount; i++) {
      Layer layer = child("layer" + (i + 1), new Layer());
      long planes = config.widths().get(i);
      for (int number = 0; number < config.blocks().get(i); number++) {
        int stride = i > 0 && number == 0 ? 2 : 1;
        layer.add(new ResidualBlock(config.block(), in, planes, stride, norm));
        in = planes * config.block().expansion();
      }
      layers.add(layer);
      channels.add(in);
      if (trainableLayers < 4 - i) {
        layer.freeze();
      }
    }
    if (trainableLayers < 5) {
      conv1.freeze();
      bn1.freeze();
    }
  }

  /** {@return the channels of each map} */
  public List<Long> channels() {
    return channels;
  }

  /**
   * {@return the four layers' maps, finest first}
   *
   * @param ops the forward pass
   * @param images {@code [N,H,W,3]}, normalised; released
   */
  public List<Tensor> forward(Ops ops, Tensor images) {
    Tensor stem = bn1.forward(ops, conv1, images, null, Activation.RELU);
    ops.release(images);
    Tensor x = new MapOps(ops).maxPool2d(POOL, stem);
    ops.release(stem);
    List<Tensor> maps = new ArrayList<>();
    for (Layer layer : layers) {
      Tensor y = layer.forward(ops, x);
      if (maps.isEmpty()) {
        ops.release(x);
      }
      maps.add(y);
      x = y;
    }
    return maps;
  }

  /** A whole network's weights fit a part of it. */
  @Override
  protected boolean ignoresKey(String key) {
    return layers.size() < 4 && key.startsWith("layer4.");
  }
}

package dev.cocoli.benchmarks;

import dev.cocoli.backend.spec.Conv2dSpec;
import dev.cocoli.detection.backbone.ResNetConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A convolution of a detector, with its extents for an image of a given size.
 *
 * @param name the key of its weight, without {@code .weight}
 * @param spec the window
 * @param height H of its input
 * @param width W of its input
 * @param in channels of its input
 * @param out channels of its output
 * @param count the number of layers of this shape
 */
public record ConvolutionLayer(
    String name, Conv2dSpec spec, long height, long width, long in, long out, int count) {
  private static final long FPN_CHANNELS = 256;
  private static final long ANCHORS = 3;

  /** {@return H of the output} */
  public long outHeight() {
    return spec.outputExtent(height);
  }

  /** {@return W of the output} */
  public long outWidth() {
    return spec.outputExtent(width);
  }

  /**
   * {@return the number of multiplications in the forward pass of one image, for all layers of this
   * shape}
   */
  public double multiplications() {
    return (double) count * outHeight() * outWidth() * out * in * spec.kernel() * spec.kernel();
  }

  private ConvolutionLayer times(int others) {
    return new ConvolutionLayer(name, spec, height, width, in, out, count + others);
  }

  private boolean hasShapeOf(ConvolutionLayer other) {
    return spec.equals(other.spec)
        && height == other.height
        && width == other.width
        && in == other.in
        && out == other.out;
  }

  /**
   * {@return every convolution of a detector with the given backbone, in the order of the forward
   * pass}
   *
   * @param resNet such as {@code resnet50}
   * @param image the size that the model works at
   */
  static List<ConvolutionLayer> all(String resNet, ImageSize image) {
    ResNetConfig config =
        switch (resNet) {
          case "tiny" -> ResNetConfig.TINY;
          case "resnet18" -> ResNetConfig.RESNET18;
          case "resnet34" -> ResNetConfig.RESNET34;
          case "resnet50" -> ResNetConfig.RESNET50;
          case "resnet101" -> ResNetConfig.RESNET101;
          default -> throw new IllegalArgumentException("no ResNet: " + resNet);
        };
    ImageSize padded = image.padded();
    List<ConvolutionLayer> layers = new ArrayList<>();
    long in = config.widths().getFirst();
    layers.add(
        layer("backbone.body.conv1", 7, 2, new long[] {padded.height(), padded.width()}, 3, in));
    List<long[]> maps = image.maps();
    List<Long> channels = new ArrayList<>();
    long[] map = maps.getFirst();
    for (int i = 0; i < 4; i++) {
      for (int block = 0; block < config.blocks().get(i); block++) {
        int stride = i > 0 && block == 0 ? 2 : 1;
        String path = "backbone.body.layer" + (i + 1) + "." + block;
        in = addBlock(layers, config, path, map, in, config.widths().get(i), stride);
        map = maps.get(i);
      }
      channels.add(in);
    }
    for (int i = 3; i >= 0; i--) {
      String inner = "backbone.fpn.inner_blocks." + i + ".0";
      layers.add(layer(inner, 1, 1, maps.get(i), channels.get(i), FPN_CHANNELS));
      String outer = "backbone.fpn.layer_blocks." + i + ".0";
      layers.add(layer(outer, 3, 1, maps.get(i), FPN_CHANNELS, FPN_CHANNELS));
    }
    for (long[] one : maps) {
      layers.add(layer("rpn.head.conv.0.0", 3, 1, one, FPN_CHANNELS, FPN_CHANNELS));
      layers.add(layer("rpn.head.cls_logits", 1, 1, one, FPN_CHANNELS, ANCHORS));
      layers.add(layer("rpn.head.bbox_pred", 1, 1, one, FPN_CHANNELS, 4 * ANCHORS));
    }
    return layers;
  }

  private static long addBlock(
      List<ConvolutionLayer> layers,
      ResNetConfig config,
      String path,
      long[] map,
      long in,
      long planes,
      int stride) {
    long out = planes * config.block().expansion();
    long[] after = {Math.ceilDiv(map[0], stride), Math.ceilDiv(map[1], stride)};
    switch (config.block()) {
      case BASIC -> {
        layers.add(layer(path + ".conv1", 3, stride, map, in, planes));
        layers.add(layer(path + ".conv2", 3, 1, after, planes, planes));
      }
      case BOTTLENECK -> {
        layers.add(layer(path + ".conv1", 1, 1, map, in, planes));
        layers.add(layer(path + ".conv2", 3, stride, map, planes, planes));
        layers.add(layer(path + ".conv3", 1, 1, after, planes, out));
      }
    }
    if (stride != 1 || in != out) {
      layers.add(layer(path + ".downsample.0", 1, stride, map, in, out));
    }
    return out;
  }

  private static ConvolutionLayer layer(
      String name, int kernel, int stride, long[] map, long in, long out) {
    Conv2dSpec spec = Conv2dSpec.of(kernel, stride, kernel / 2);
    return new ConvolutionLayer(name, spec, map[0], map[1], in, out, 1);
  }

  /**
   * {@return the convolutions of {@link #all} with distinct shapes, each with the number of its
   * occurrences; the name is that of the first layer, and contains the map where the same layer
   * runs on several}
   *
   * @param resNet such as {@code resnet50}
   * @param image the size that the model works at
   */
  public static List<ConvolutionLayer> distinct(String resNet, ImageSize image) {
    List<ConvolutionLayer> result = new ArrayList<>();
    for (ConvolutionLayer layer : all(resNet, image)) {
      int same =
          IntStream.range(0, result.size())
              .filter(i -> result.get(i).hasShapeOf(layer))
              .findFirst()
              .orElse(-1);
      if (same >= 0) {
        result.set(same, result.get(same).times(1));
      } else {
        result.add(layer.named(shortName(layer.name, result)));
      }
    }
    return result;
  }

  private ConvolutionLayer named(String other) {
    return new ConvolutionLayer(other, spec, height, width, in, out, count);
  }

  private static String shortName(String name, List<ConvolutionLayer> before) {
    String plain = name.replace("backbone.body.", "").replace("backbone.", "");
    long others = before.stream().filter(one -> one.name.split("@")[0].equals(plain)).count();
    return others == 0 ? plain : plain + "@" + (others + 1);
  }
}

package dev.cocoli.onnx;

import java.util.ArrayList;
import java.util.List;

/**
 * The backbones of Faster R-CNN. In: images {@code [N,3,H,W]}, H and W multiples of 32; out: maps
 * {@code [N,C,h,w]}, finest first.
 */
final class Backbones {
  private static final String BODY = "backbone.body.";
  private static final String FPN = "backbone.fpn.";
  private static final String VGG = "backbone.features.";

  /** A pixel of the image in pixels of the map: four poolings. */
  static final float VGG_SCALE = 1f / 16;

  private Backbones() {}

  /** Returns whether the weights are those of a ResNet with a feature pyramid. */
  static boolean isPyramid(Weights weights) {
    return weights.has(FPN + "inner_blocks.0.0.weight");
  }

  // ---- VGG

  /** The map of a VGG-16 without its last pooling. */
  static Value vgg(Weights weights, Value images) {
    Value x = images;
    int last = -2;
    for (int index = 0; index <= last + 3; index++) { // counted in torchvision's Sequential
      String layer = VGG + index;
      if (!weights.has(layer + ".weight")) {
        continue;
      }
      if (index == last + 3) { // a pooling stands between
        x = maxPool(x, 2, 2, 0);
      }
      x = weights.convolution(x, layer, 1).apply("Relu");
      last = index;
    }
    return x;
  }

  // ---- ResNet

  /**
   * The five maps of a ResNet with a feature pyramid.
   *
   * @param weights those of the detector
   * @param eps added to the variances of normalisations
   * @param images {@code [N,3,H,W]}
   */
  static List<Value> pyramid(Weights weights, float eps, Value images) {
    return pyramid(weights, resNet(weights, eps, images));
  }

  private static List<Value> resNet(Weights weights, float eps, Value images) {
    Value x = normalised(weights, eps, images, BODY + "conv1", BODY + "bn1", 2).apply("Relu");
    x = maxPool(x, 3, 2, 1);
    List<Value> maps = new ArrayList<>();
    for (int layer = 1; layer <= 4; layer++) {
      String name = BODY + "layer" + layer + ".";
      for (int block = 0; weights.has(name + block + ".conv1.weight"); block++) {
        x = residual(weights, eps, x, name + block + ".", layer > 1 && block == 0 ? 2 : 1);
      }
      maps.add(x);
    }
    return maps;
  }

  private static Value residual(Weights weights, float eps, Value x, String block, long stride) {
    Value shortcut = x;
    if (weights.has(block + "downsample.0.weight")) {
      shortcut =
          normalised(weights, eps, x, block + "downsample.0", block + "downsample.1", stride);
    }
    int convolutions = weights.has(block + "conv3.weight") ? 3 : 2;
    int strided = convolutions == 3 ? 2 : 1; // the first window of 3 x 3
    Value y = x;
    for (int number = 1; number <= convolutions; number++) {
      y =
          normalised(
              weights,
              eps,
              y,
              block + "conv" + number,
              block + "bn" + number,
              number == strided ? stride : 1);
      if (number < convolutions) {
        y = y.apply("Relu");
      }
    }
    return y.plus(shortcut).apply("Relu");
  }

  private static Value normalised(
      Weights weights, float eps, Value x, String layer, String norm, long stride) {
    return weights.convolution(x, layer, norm, eps, stride);
  }

  private static List<Value> pyramid(Weights weights, List<Value> maps) {
    List<Value> result = new ArrayList<>();
    Value above = null;
    for (int i = maps.size() - 1; i >= 0; i--) {
      Value lateral = weights.convolution(maps.get(i), FPN + "inner_blocks." + i + ".0", 1);
      if (above != null) {
        lateral = lateral.plus(Resize.nearest(above, lateral.shape()));
      }
      result.addFirst(weights.convolution(lateral, FPN + "layer_blocks." + i + ".0", 1));
      above = lateral;
    }
    result.add(maxPool(result.getLast(), 1, 2, 0));
    return result;
  }

  private static Value maxPool(Value x, long kernel, long stride, long padding) {
    return x.graph()
        .node(
            "MaxPool",
            List.of(x),
            Graph.attribute("kernel_shape", kernel, kernel),
            Graph.attribute("pads", padding, padding, padding, padding),
            Graph.attribute("strides", stride, stride));
  }
}

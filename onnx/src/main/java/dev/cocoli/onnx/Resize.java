package dev.cocoli.onnx;

import ai.onnx.proto.OnnxMl.AttributeProto;
import java.util.Arrays;

/** Resizes maps {@code [N,C,H,W]} to a shape that the graph computes. */
final class Resize {
  private Resize() {}

  /** Bilinear between the centres of pixels, as torch without {@code align_corners}. */
  static Value linear(Value maps, Value shape) {
    return resize(
        maps,
        shape,
        Graph.attribute("mode", "linear"),
        Graph.attribute("coordinate_transformation_mode", "half_pixel"));
  }

  /** The nearest pixel above and to the left, as torch. */
  static Value nearest(Value maps, Value shape) {
    return resize(
        maps,
        shape,
        Graph.attribute("mode", "nearest"),
        Graph.attribute("coordinate_transformation_mode", "asymmetric"),
        Graph.attribute("nearest_mode", "floor"));
  }

  private static Value resize(Value maps, Value shape, AttributeProto... attributes) {
    return maps.graph().node("Resize", Arrays.asList(maps, null, null, shape), attributes);
  }
}

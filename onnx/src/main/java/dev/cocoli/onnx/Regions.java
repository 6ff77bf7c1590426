package dev.cocoli.onnx;

import ai.onnx.proto.OnnxMl.AttributeProto;
import dev.cocoli.backend.spec.RoiAlignSpec;
import dev.cocoli.detection.head.MultiScaleRoiAlign;
import java.util.ArrayList;
import java.util.List;

/**
 * Regions of images, which a graph cuts out of their maps. All poolings give {@code
 * [R,C,bins,bins]}.
 *
 * @param boxes {@code [R,4]} in pixels of the resized images
 * @param imageNumbers INT64 {@code [R]}
 */
record Regions(Value boxes, Value imageNumbers) {

  /**
   * {@return the regions of all images, image by image}
   *
   * @param boxes {@code [N,M,4]}
   */
  static Regions of(Value boxes) {
    Graph graph = boxes.graph();
    Value numbers = graph.range(boxes.dim(0)).reshape(-1, 1);
    return new Regions(
        boxes.reshape(-1, 4),
        numbers.expand(graph.shape(graph.longs(1), boxes.dim(1))).reshape(-1));
  }

  /**
   * Pooled regions in an order of their own.
   *
   * @param features {@code [R,C,bins,bins]}
   * @param places the row of {@code features} that each region is in, {@code [R]}
   */
  record Pooled(Value features, Value places) {
    /** What was computed of the features, {@code [R,...]}, in the order of the regions. */
    Value inOrder(Value computed) {
      return computed.gather(0, places);
    }
  }

  /**
   * {@return each region pooled from the map that fits its size (torchvision's {@code
   * MultiScaleRoIAlign})} A map is a choice of rows, so that no branch is needed.
   *
   * @param images the images
   * @param maps finest first, without those that are for proposals alone
   * @param bins along each axis
   * @param samplingRatio samples per bin along each axis
   */
  Pooled alignFromPyramid(InputImages images, List<Value> maps, long bins, long samplingRatio) {
    Graph graph = boxes.graph();
    List<Value> octaves = maps.stream().map(map -> octaves(images, map)).toList();
    Value coarsest = graph.floats(maps.size() - 1);
    Value map =
        Boxes.area(boxes)
            .reshape(-1)
            .apply("Sqrt")
            .over(graph.floats(MultiScaleRoiAlign.CANONICAL_SCALE))
            .log2()
            .plus(MultiScaleRoiAlign.CANONICAL_LEVEL)
            .plus(RoiAlignSpec.LEVEL_EPS)
            .apply("Floor")
            .plus(octaves.getFirst())
            .max(graph.floats(0))
            .min(coarsest);
    List<Value> chosen = new ArrayList<>();
    List<Value> features = new ArrayList<>();
    for (int i = 0; i < maps.size(); i++) {
      Value rows = map.isEqualTo(graph.floats(i)).nonZero().reshape(-1);
      Value scale = graph.node("Pow", List.of(graph.floats(2), octaves.get(i)));
      Regions there = new Regions(boxes.gather(0, rows).times(scale), imageNumbers.gather(0, rows));
      chosen.add(rows);
      features.add(there.align(maps.get(i), 1, bins, samplingRatio));
    }
    Value order = graph.concat(0, chosen);
    Value places =
        graph.node(
            "ScatterElements",
            List.of(graph.filled(order.shape(), 0L), order, graph.range(order.dim(0))));
    return new Pooled(graph.concat(0, features), places);
  }

  /**
   * The logarithm to the base 2 of the scale of a map, as torchvision infers it: of the ratio of
   * the heights, rounded. It is no constant, because padding changes it for low images.
   */
  private static Value octaves(InputImages images, Value map) {
    return map.dim(2).toFloat().over(images.resizedHeight().toFloat()).log2().apply("Round");
  }

  /**
   * {@return RoIAlign from one map}
   *
   * @param map {@code [N,C,h,w]}
   * @param scale of the map relative to the boxes
   * @param bins along each axis
   * @param samplingRatio samples per bin along each axis
   */
  Value align(Value map, float scale, long bins, long samplingRatio) {
    Graph graph = map.graph();
    List<AttributeProto> attributes = new ArrayList<>();
    attributes.add(Graph.attribute("mode", "avg"));
    attributes.add(Graph.attribute("output_height", bins));
    attributes.add(Graph.attribute("output_width", bins));
    attributes.add(Graph.attribute("sampling_ratio", samplingRatio));
    attributes.add(Graph.attribute("spatial_scale", scale));
    if (graph.opset() >= 16) { // before, there was no other
      attributes.add(Graph.attribute("coordinate_transformation_mode", "output_half_pixel"));
    }
    return graph.node(
        "RoiAlign", List.of(map, boxes, imageNumbers), attributes.toArray(AttributeProto[]::new));
  }

  /**
   * {@return RoIPool from one map} ONNX's operator rounds as torchvision's.
   *
   * @param map {@code [N,C,h,w]}
   * @param scale of the map relative to the boxes
   * @param bins along each axis
   */
  Value maxPool(Value map, float scale, long bins) {
    Graph graph = map.graph();
    Value numbered = graph.concat(1, List.of(imageNumbers.toFloat().reshape(-1, 1), boxes));
    return graph.node(
        "MaxRoiPool",
        List.of(map, numbered),
        Graph.attribute("pooled_shape", bins, bins),
        Graph.attribute("spatial_scale", scale));
  }
}

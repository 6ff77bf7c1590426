package dev.cocoli.onnx;

import dev.cocoli.backend.spec.BoxCoderSpec;
import dev.cocoli.detection.config.RpnConfig;
import dev.cocoli.detection.head.RegionProposalNetwork;
import java.util.ArrayList;
import java.util.List;

/**
 * The regions that a graph proposes (torchvision's {@code RegionProposalNetwork}). There are as
 * many for each image, at least one; the last of an image may be none.
 *
 * @param boxes {@code [N,R,4]} in pixels of the resized image
 * @param scores {@code [N,R]}; negative for none
 */
record Proposals(Value boxes, Value scores) {
  private static final String HEAD = "rpn.head.";

  /**
   * {@return the proposals for images}
   *
   * @param weights those of the detector
   * @param config how many are proposed, and how
   * @param cells the anchors around the origin, {@code [A,4]} of each map
   * @param suppression how they are suppressed
   * @param images the images
   * @param maps {@code [N,C,h,w]}, finest first
   */
  static Proposals of(
      Weights weights,
      RpnConfig config,
      List<float[]> cells,
      Suppression suppression,
      InputImages images,
      List<Value> maps) {
    Graph graph = images.pixels().graph();
    List<Value> boxes = new ArrayList<>();
    List<Value> scores = new ArrayList<>();
    for (int map = 0; map < maps.size(); map++) {
      Value hidden = weights.convolution(maps.get(map), HEAD + "conv.0.0", 1).apply("Relu");
      Value logits = weights.convolution(hidden, HEAD + "cls_logits", 1);
      Value deltas = weights.convolution(hidden, HEAD + "bbox_pred", 1);
      Value flat = logits.transpose(0, 2, 3, 1).reshape(0, -1); // row, column, anchor
      Value.Best best = flat.best(flat.dim(1).min(graph.longs(config.preNmsTopNTest())));
      Grid grid = Grid.of(maps.get(map), cells.get(map).length / 4, best.indices());
      Boxes decoded =
          Boxes.decode(
              BoxCoderSpec.UNIT,
              grid.deltas(deltas),
              grid.anchors(cells.get(map), images),
              images.limit());
      Value score = best.values().apply("Sigmoid");
      Value isProposal =
          decoded
              .shorterSide()
              .reshape(0, -1)
              .isAtLeast(RegionProposalNetwork.MIN_BOX_SIDE)
              .and(score.isAtLeast(config.scoreThresh()));
      boxes.add(decoded.corners());
      scores.add(isProposal.choose(score, Suppression.NONE));
    }
    long most = config.postNmsTopNTest();
    return best(
        graph.concat(1, boxes), suppression.apply(config.nmsThresh(), most, boxes, scores), most);
  }

  /** Cut to the number of the image that has most. */
  private static Proposals best(Value boxes, Value scores, long most) {
    Graph graph = boxes.graph();
    Value.Best best = scores.best(scores.dim(1).min(graph.longs(most)));
    Value numbers = graph.range(best.values().dim(1)).plus(1);
    Value found =
        graph
            .node(
                "ReduceMax",
                List.of(best.values().isAtLeast(0).toLong().times(numbers)),
                Graph.attribute("keepdims", 0L))
            .reshape(1)
            .max(graph.longs(1));
    Value chosen = best.indices().slice(1, 0, found).reshape(0, 0, 1).expand(graph.longs(1, 1, 4));
    return new Proposals(boxes.gatherElements(chosen), best.values().slice(1, 0, found));
  }

  /**
   * Where chosen anchors are on a map. Their boxes are computed from their numbers, so that those
   * of all others are not.
   *
   * @param map {@code [N,C,h,w]}
   * @param anchor the number of each within its place, {@code [N,k]}
   * @param row of its place, {@code [N,k]}
   * @param column of its place, {@code [N,k]}
   */
  private record Grid(Value map, Value anchor, Value row, Value column) {
    static Grid of(Value map, long perPlace, Value indices) {
      Value place = indices.over(perPlace);
      Value columns = map.dim(3);
      return new Grid(map, indices.modulo(perPlace), place.over(columns), place.modulo(columns));
    }

    /** Their deltas {@code [N,k,4]} of all, {@code [N,4A,h,w]}. */
    Value deltas(Value all) {
      Value places = map.dim(2).times(map.dim(3));
      Value place = row.times(map.dim(3)).plus(column).reshape(0, 0, 1);
      Value channel = anchor.times(4).reshape(0, 0, 1).plus(map.graph().longs(0, 1, 2, 3));
      Value at = channel.times(places).plus(place).reshape(0, -1);
      return all.reshape(0, -1).gatherElements(at).reshape(0, -1, 4);
    }

    /** Their boxes {@code [N,k,4]}. */
    Value anchors(float[] cell, InputImages images) {
      Value x = column.times(images.paddedWidth().over(map.dim(3))).reshape(0, 0, 1);
      Value y = row.times(images.paddedHeight().over(map.dim(2))).reshape(0, 0, 1);
      Graph graph = map.graph();
      Value around = graph.floats(new long[] {cell.length / 4, 4}, cell).gather(0, anchor);
      return around.plus(graph.concat(2, List.of(x, y, x, y)).toFloat());
    }
  }
}

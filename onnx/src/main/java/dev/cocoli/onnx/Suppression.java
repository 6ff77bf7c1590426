package dev.cocoli.onnx;

import java.util.ArrayList;
import java.util.List;

/**
 * Non-maximum suppression of proposals, for each map on its own. In: for each map boxes {@code
 * [N,k,4]} and scores {@code [N,k]}, falling but for negative ones, which are no boxes; out: the
 * scores of all maps {@code [N,P]}, -1 for what is no box or suppressed.
 */
enum Suppression {
  /** By ONNX's operator, in which a map is a class. */
  OPERATOR {
    @Override
    Value apply(float threshold, long most, List<Value> boxes, List<Value> scores) {
      Graph graph = boxes.getFirst().graph();
      Value joined = graph.concat(1, scores);
      Value perMap = joined.reshape(0, 1, -1);
      if (scores.size() > 1) {
        List<Value> numbers = new ArrayList<>();
        for (int map = 0; map < scores.size(); map++) {
          numbers.add(graph.filled(scores.get(map).dim(1), (long) map));
        }
        Value maps = graph.range(graph.longs(scores.size())).reshape(-1, 1);
        perMap = maps.isEqualTo(graph.concat(0, numbers)).choose(perMap, NONE);
      }
      Value chosen =
          select(threshold, most, ANY_SCORE, graph.concat(1, boxes), perMap)
              .gather(1, graph.longs(0, 2));
      return graph.filled(joined.shape(), NONE).scatterNd(chosen, joined.gatherNd(chosen));
    }
  },

  /**
   * By matrix products: a box stays if no better one that stays overlaps it. That is repeated until
   * chains of so many boxes, each of which would suppress the next, are resolved.
   */
  MATRICES {
    @Override
    Value apply(float threshold, long most, List<Value> boxes, List<Value> scores) {
      List<Value> kept = new ArrayList<>();
      for (int map = 0; map < boxes.size(); map++) {
        Value ofMap = scores.get(map);
        Value isBox = ofMap.isAtLeast(0).toFloat().reshape(0, 0, 1);
        Value overlaps = overlapsOfBetter(threshold, boxes.get(map));
        Value stays = isBox;
        for (int i = 0; i < CHAIN; i++) {
          Value hits = ofMap.graph().node("MatMul", List.of(overlaps, stays));
          stays = ofMap.graph().node("Less", List.of(hits, hits.graph().floats(0.5f)));
          stays = stays.toFloat().times(isBox);
        }
        kept.add(stays.reshape(0, -1).isGreaterThan(0.5f).choose(ofMap, NONE));
      }
      return boxes.getFirst().graph().concat(1, kept);
    }

    /** 1 where the box of a column is better than that of the row and overlaps it, else 0. */
    private Value overlapsOfBetter(float threshold, Value boxes) {
      Value areas = Boxes.area(boxes);
      Value ofRow = boxes.reshape(0, 0, 1, 4);
      Value ofColumn = boxes.reshape(0, 1, -1, 4);
      Value common =
          Boxes.upper(ofRow)
              .min(Boxes.upper(ofColumn))
              .minus(Boxes.lower(ofRow).max(Boxes.lower(ofColumn)))
              .max(boxes.graph().floats(0));
      Value intersections = common.slice(-1, 0, 1).times(common.slice(-1, 1, 2)).reshape(0, 0, -1);
      Value unions = areas.plus(areas.reshape(0, 1, -1)).minus(intersections);
      Value order = boxes.graph().range(boxes.dim(1));
      Value isBetter = order.reshape(-1, 1).isGreaterThan(order);
      return intersections.over(unions).isGreaterThan(threshold).and(isBetter).toFloat();
    }
  };

  /** Stands for the score of what is no box. */
  static final float NONE = -1;

  /** Between the score of no box and all others. */
  static final float ANY_SCORE = -0.5f;

  /** The longest chain of boxes that matrices resolve. */
  static final int CHAIN = 16;

  /**
   * {@return the scores of what stays}
   *
   * @param threshold the IoU above which the worse box is suppressed
   * @param most how many boxes of a map may stay; more need not be suppressed
   * @param boxes {@code [N,k,4]} of each map
   * @param scores {@code [N,k]} of each map
   */
  abstract Value apply(float threshold, long most, List<Value> boxes, List<Value> scores);

  /**
   * {@return what ONNX's operator selects, {@code [S,3]}: image, class, box}
   *
   * @param threshold the IoU above which the worse box is suppressed
   * @param most how many boxes of a class may stay
   * @param above the score that boxes have to exceed
   * @param boxes {@code [N,P,4]}
   * @param scores {@code [N,C,P]}
   */
  static Value select(float threshold, long most, float above, Value boxes, Value scores) {
    Graph graph = boxes.graph();
    return graph.node(
        "NonMaxSuppression",
        List.of(boxes, scores, graph.scalar(most), graph.scalar(threshold), graph.scalar(above)));
  }
}

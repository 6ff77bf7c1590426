package dev.cocoli.onnx;

import dev.cocoli.backend.spec.BoxCoderSpec;
import java.util.List;

/**
 * Boxes that a graph decodes and clips, in torchvision's order of operations.
 *
 * @param corners {@code [...,4]}: x1, y1, x2, y2
 * @param shorterSide {@code [...,1]}
 */
record Boxes(Value corners, Value shorterSide) {

  /**
   * {@return boxes from deltas}
   *
   * @param coder the weights of the deltas
   * @param deltas {@code [...,4]}
   * @param references the boxes that the deltas are relative to, {@code [...,4]}
   * @param limit what the boxes are clipped to, {@code [2]}
   */
  static Boxes decode(BoxCoderSpec coder, Value deltas, Value references, Value limit) {
    Graph graph = deltas.graph();
    Value sizes = size(references);
    Value centres = sizes.times(0.5f).plus(lower(references));
    Value offsets = lower(deltas);
    Value logarithms = upper(deltas);
    if (!coder.equals(BoxCoderSpec.UNIT)) {
      offsets = offsets.over(graph.floats(coder.weightX(), coder.weightY()));
      logarithms = logarithms.over(graph.floats(coder.weightWidth(), coder.weightHeight()));
    }
    Value centre = offsets.times(sizes).plus(centres);
    Value half =
        logarithms
            .min(graph.floats(BoxCoderSpec.MAX_LOG_RATIO))
            .apply("Exp")
            .times(sizes)
            .times(0.5f);
    Value from = clip(centre.minus(half), limit);
    Value to = clip(centre.plus(half), limit);
    Value sides = to.minus(from);
    return new Boxes(
        graph.concat(-1, List.of(from, to)), sides.slice(-1, 0, 1).min(sides.slice(-1, 1, 2)));
  }

  private static Value clip(Value corner, Value limit) {
    return corner.max(limit.graph().floats(0)).min(limit);
  }

  /** The corners with the smaller coordinates, {@code [...,2]}. */
  static Value lower(Value boxes) {
    return boxes.slice(-1, 0, 2);
  }

  /** The corners with the larger coordinates, {@code [...,2]}. */
  static Value upper(Value boxes) {
    return boxes.slice(-1, 2, 4);
  }

  /** Width and height, {@code [...,2]}. */
  static Value size(Value boxes) {
    return upper(boxes).minus(lower(boxes));
  }

  /** The areas of boxes {@code [...,4]}, {@code [...,1]}. */
  static Value area(Value boxes) {
    Value size = size(boxes);
    return size.slice(-1, 0, 1).times(size.slice(-1, 1, 2));
  }
}

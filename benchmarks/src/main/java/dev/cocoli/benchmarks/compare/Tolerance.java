package dev.cocoli.benchmarks.compare;

import dev.cocoli.tensor.Precision;
import java.util.stream.Stream;

/**
 * How far two sides that do the same work may differ.
 *
 * @param iou the overlap of two boxes that are the same detection, at least
 * @param score the difference of their scores, at most
 * @param share of the detections that need a partner; the rest may have changed places with others
 *     whose scores are as good as equal
 * @param loss the relative difference of a loss, at most
 * @param lossOfSum or this share of the sum of all losses: a small one may hang on a few boxes
 */
record Tolerance(double iou, double score, double share, double loss, double lossOfSum) {
  private static final Tolerance EXACT = new Tolerance(0.98, 1e-3, 0.98, 1e-3, 0);

  /**
   * bfloat16 has 8 bits: under autocast torchvision even rounds anchors to multiples of 4 pixels,
   * and suppression then keeps a neighbour.
   */
  private static final Tolerance ROUGH = new Tolerance(0.5, 0.25, 0.5, 0.05, 0.01);

  /** What holds between two sides of these precisions: the coarser one's. */
  static Tolerance of(Precision... precisions) {
    return Stream.of(precisions).allMatch(precision -> precision == Precision.FP32) ? EXACT : ROUGH;
  }

  /**
   * What holds after an update, which makes rounding errors larger: a proposal that is kept on one
   * side only changes who is trained on what.
   */
  Tolerance afterUpdate() {
    return new Tolerance(iou, score, share, 10 * loss, lossOfSum);
  }
}

package dev.cocoli.benchmarks.compare;

import dev.cocoli.tensor.Precision;
import java.util.stream.Stream;

/**
 * The differences allowed between two sides that do the same work.
 *
 * @param iou the least IoU of two boxes of the same detection
 * @param score the largest difference of their scores
 * @param share the fraction of the detections that need a partner; the rest may be replaced by
 *     others with almost equal scores
 * @param loss the largest relative difference of a loss
 * @param lossOfSum an alternative to {@code loss}, relative to the sum of all losses, because a
 *     small loss may depend on a few boxes
 */
record Tolerance(double iou, double score, double share, double loss, double lossOfSum) {
  private static final Tolerance EXACT = new Tolerance(0.98, 1e-3, 0.98, 1e-3, 0);

  /**
   * bfloat16 has 8 bits: under autocast torchvision even rounds anchors to multiples of 4 pixels,
   * and NMS then keeps a different neighbour.
   */
  private static final Tolerance ROUGH = new Tolerance(0.5, 0.25, 0.5, 0.05, 0.01);

  /** The tolerance for two sides of these precisions: that of the lower precision. */
  static Tolerance of(Precision... precisions) {
    return Stream.of(precisions).allMatch(precision -> precision == Precision.FP32) ? EXACT : ROUGH;
  }

  /**
   * The tolerance after an update, which increases rounding errors: a proposal that only one side
   * keeps changes which regions are sampled.
   */
  Tolerance afterUpdate() {
    return new Tolerance(iou, score, share, 10 * loss, lossOfSum);
  }
}

package dev.cocoli.detection.head;

import dev.cocoli.ops.Losses;
import dev.cocoli.ops.Ops;
import dev.cocoli.ops.RegionOps.SampleTargets;
import dev.cocoli.tensor.Tensor;

/**
 * The loss {@code loss_box_reg} of a {@link BoxBranch}: how far its boxes are from the objects. One
 * that is written elsewhere works as well.
 */
@FunctionalInterface
public interface BoxLoss {
  /**
   * Records the loss on the tape.
   *
   * @param ops the forward pass
   * @param deltas {@code [R,4K]}: the predicted boxes of every class, relative to the regions
   * @param targets the regions, their labels and what the deltas should be
   * @param loss {@code [1]}, written
   */
  void write(Ops ops, Tensor deltas, SampleTargets targets, Tensor loss);

  /**
   * {@return the smooth L1 loss of the deltas (Girshick 2015; torchvision's)}
   *
   * @param beta where the parabola meets the line
   */
  static BoxLoss smoothL1(float beta) {
    return (ops, deltas, targets, loss) ->
        new Losses(ops).smoothL1(beta, deltas, targets.targets(), targets.labels(), loss);
  }
}

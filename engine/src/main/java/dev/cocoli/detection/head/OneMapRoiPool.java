package dev.cocoli.detection.head;

import dev.cocoli.backend.spec.RoiAlignSpec;
import dev.cocoli.backend.spec.RoiPoolSpec;
import dev.cocoli.detection.ImageBatch;
import dev.cocoli.ops.Ops;
import dev.cocoli.ops.RoiOps;
import dev.cocoli.tensor.Tensor;
import java.util.List;

/**
 * Pools every region from the same map. In: one map {@code [N,H,W,C]} and regions {@code [R,5]};
 * out: {@code [R,bins,bins,C]}.
 *
 * @param pooling how
 */
public record OneMapRoiPool(RoiPooling pooling) implements RoiPooler {
  /** Samples a bin along each axis, as over a pyramid. */
  private static final int SAMPLING_RATIO = 2;

  @Override
  public Tensor forward(Ops ops, ImageBatch batch, List<Tensor> maps, Tensor rois) {
    Tensor map = maps.getFirst();
    // the padded image is a multiple of the stride, so this is exact
    float scale = (float) map.dim(1) / batch.images().dim(1);
    return switch (pooling) {
      case POOL -> new RoiOps(ops).roiPool(new RoiPoolSpec(BINS, scale), map, rois);
      case ALIGN ->
          new RoiOps(ops)
              .roiAlign(
                  RoiAlignSpec.single(BINS, SAMPLING_RATIO, false, scale), List.of(map), rois);
    };
  }
}

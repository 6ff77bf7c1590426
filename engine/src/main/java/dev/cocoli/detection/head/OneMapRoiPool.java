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
 * @param bins along each axis of a region
 * @param samplingRatio samples of RoIAlign per bin along each axis
 */
public record OneMapRoiPool(RoiPooling pooling, int bins, int samplingRatio) implements RoiPooler {
  @Override
  public Tensor forward(Ops ops, ImageBatch batch, List<Tensor> maps, Tensor rois) {
    Tensor map = maps.getFirst();
    // the padded image is a multiple of the stride, so this is exact
    float scale = (float) map.dim(1) / batch.images().dim(1);
    return switch (pooling) {
      case POOL -> new RoiOps(ops).roiPool(new RoiPoolSpec(bins, scale), map, rois);
      case ALIGN ->
          new RoiOps(ops)
              .roiAlign(RoiAlignSpec.single(bins, samplingRatio, false, scale), List.of(map), rois);
    };
  }
}

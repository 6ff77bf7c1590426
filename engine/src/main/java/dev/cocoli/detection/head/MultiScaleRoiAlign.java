package dev.cocoli.detection.head;

import dev.cocoli.backend.spec.RoiAlignSpec;
import dev.cocoli.detection.ImageBatch;
import dev.cocoli.ops.Ops;
import dev.cocoli.ops.RoiOps;
import dev.cocoli.tensor.Tensor;
import java.util.List;

/**
 * Pools each region from the map that fits its size (torchvision's {@code MultiScaleRoIAlign}). In:
 * maps {@code [N,H,W,C]}, finest first, and regions {@code [R,5]}; out: {@code [R,bins,bins,C]}.
 */
public final class MultiScaleRoiAlign implements RoiPooler {
  /** Samples a bin along each axis: torchvision's {@code box_roi_pool}. */
  private static final int SAMPLING_RATIO = 2;

  /** A region of this side belongs to the level of four octaves (Lin et al. 2017, equation 1). */
  private static final float CANONICAL_SCALE = 224;

  private static final float CANONICAL_LEVEL = 4;

  /** The coarsest map of a pyramid is for proposals alone. */
  private static final int POOLED_MAPS = 4;

  /** Creates the pooler of a pyramid. */
  public MultiScaleRoiAlign() {}

  @Override
  public Tensor forward(Ops ops, ImageBatch batch, List<Tensor> pyramid, Tensor rois) {
    List<Tensor> maps = pyramid.subList(0, POOLED_MAPS);
    long height = batch.sizes().stream().mapToLong(size -> size[0]).max().orElseThrow();
    float[] scales = new float[maps.size()];
    for (int i = 0; i < scales.length; i++) {
      scales[i] = scale(maps.get(i).dim(1), height);
    }
    RoiAlignSpec spec =
        new RoiAlignSpec(BINS, SAMPLING_RATIO, false, scales, CANONICAL_SCALE, CANONICAL_LEVEL);
    return new RoiOps(ops).roiAlign(spec, maps, rois);
  }

  /**
   * The power of two that is nearest to the ratio of a map to the tallest image, as torchvision
   * infers it.
   */
  private static float scale(long mapHeight, long imageHeight) {
    float ratio = (float) mapHeight / (float) imageHeight;
    return (float) Math.pow(2, Math.rint(Math.log(ratio) / Math.log(2)));
  }
}

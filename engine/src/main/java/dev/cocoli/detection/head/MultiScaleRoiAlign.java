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
  /** A region of this side belongs to the level of four octaves (Lin et al. 2017, equation 1). */
  public static final float CANONICAL_SCALE = 224;

  /** The level of a region of that side, in octaves from the image. */
  public static final float CANONICAL_LEVEL = 4;

  private final int maps;
  private final int bins;
  private final int samplingRatio;

  /**
   * Prepares the pooler of a pyramid.
   *
   * @param maps how many maps are pooled from, the finest; coarser ones are for proposals alone
   * @param bins along each axis of a region
   * @param samplingRatio samples per bin along each axis
   */
  public MultiScaleRoiAlign(int maps, int bins, int samplingRatio) {
    this.maps = maps;
    this.bins = bins;
    this.samplingRatio = samplingRatio;
  }

  @Override
  public Tensor forward(Ops ops, ImageBatch batch, List<Tensor> pyramid, Tensor rois) {
    List<Tensor> pooled = pyramid.subList(0, maps);
    long height = batch.sizes().stream().mapToLong(size -> size[0]).max().orElseThrow();
    float[] scales = new float[maps];
    for (int i = 0; i < scales.length; i++) {
      scales[i] = scale(pooled.get(i).dim(1), height);
    }
    RoiAlignSpec spec =
        new RoiAlignSpec(bins, samplingRatio, false, scales, CANONICAL_SCALE, CANONICAL_LEVEL);
    return new RoiOps(ops).roiAlign(spec, pooled, rois);
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

package dev.cocoli.detection.classic;

import dev.cocoli.backend.spec.NormalizeSpec;
import dev.cocoli.backend.spec.RoiAlignSpec;
import dev.cocoli.detection.ImageTransform;
import dev.cocoli.detection.config.TransformConfig;
import dev.cocoli.detection.config.WarpConfig;
import dev.cocoli.ops.Ops;
import dev.cocoli.ops.RegionOps;
import dev.cocoli.ops.RoiOps;
import dev.cocoli.structures.Box;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import java.util.List;

/**
 * Warps regions of images to the size of a network's input, with some of what is around them
 * (Girshick et al. 2014, appendix A: the warp with context). In: images {@code [h,w,3]} and
 * regions; out: {@code [R,S,S,3]}, normalised.
 */
final class WarpedRegions {
  private final int size;
  private final int context;
  private final NormalizeSpec normalize;

  WarpedRegions(TransformConfig colours, WarpConfig warp) {
    size = warp.size();
    context = warp.context();
    normalize = ImageTransform.normalization(colours);
  }

  /**
   * The images as they are, normalised, in one tensor {@code [N,H,W,3]}: 0, which is the mean
   * colour, right of and below each, as the paper has it around an image.
   */
  Tensor images(Ops ops, List<Tensor> images) {
    long height = images.stream().mapToLong(image -> image.dim(0)).max().orElseThrow();
    long width = images.stream().mapToLong(image -> image.dim(1)).max().orElseThrow();
    Tensor batch = ops.allocate(DType.F32, images.size(), height, width, 3);
    RegionOps regions = new RegionOps(ops);
    for (int i = 0; i < images.size(); i++) {
      Tensor image = images.get(i);
      Tensor slot = batch.rows(i, 1).reshape(height, width, 3);
      regions.resizeNormalize(normalize, image, image.dim(0), image.dim(1), slot);
    }
    return batch;
  }

  /** A region grown so that it fills the warped image but for the context on every side. */
  Box withContext(Box region) {
    float share = (float) context / (size - 2 * context);
    float x = share * region.width();
    float y = share * region.height();
    return new Box(region.x1() - x, region.y1() - y, region.x2() + x, region.y2() + y);
  }

  /**
   * Warps: RoIAlign with one bilinear sample per pixel.
   *
   * @param batch {@code [N,H,W,3]} of {@link #images}
   * @param rois {@code [R,5]}, grown already; image -1 gives the mean colour
   */
  Tensor warp(Ops ops, Tensor batch, Tensor rois) {
    return new RoiOps(ops).roiAlign(RoiAlignSpec.single(size, 1, true, 1), List.of(batch), rois);
  }
}

package dev.cocoli.detection.classic;

import dev.cocoli.backend.spec.NormalizeSpec;
import dev.cocoli.backend.spec.RoiAlignSpec;
import dev.cocoli.detection.DetectorConfig;
import dev.cocoli.detection.ImageTransform;
import dev.cocoli.ops.Ops;
import dev.cocoli.ops.RegionOps;
import dev.cocoli.structures.Box;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import java.util.List;

/**
 * Warps regions of pictures to the size of a network's input, with some of what is around them
 * (Girshick et al. 2014, appendix A: the warp with context). In: pictures {@code [h,w,3]} and
 * regions; out: {@code [R,S,S,3]}, normalised.
 */
final class WarpedRegions {
  private final int size;
  private final int context;
  private final NormalizeSpec normalize;

  WarpedRegions(DetectorConfig config) {
    size = config.warpSize();
    context = config.warpContext();
    normalize = ImageTransform.normalization(config);
  }

  /**
   * The pictures as they are, normalised, in one tensor {@code [N,H,W,3]}: 0, which is the mean
   * colour, right of and below each, as the paper has it around a picture.
   */
  Tensor pictures(Ops ops, List<Tensor> pictures) {
    long height = pictures.stream().mapToLong(picture -> picture.dim(0)).max().orElseThrow();
    long width = pictures.stream().mapToLong(picture -> picture.dim(1)).max().orElseThrow();
    Tensor images = ops.allocate(DType.F32, pictures.size(), height, width, 3);
    RegionOps regions = new RegionOps(ops);
    for (int i = 0; i < pictures.size(); i++) {
      Tensor picture = pictures.get(i);
      Tensor slot = images.rows(i, 1).reshape(height, width, 3);
      regions.resizeNormalize(normalize, picture, picture.dim(0), picture.dim(1), slot);
    }
    return images;
  }

  /** A region grown so that it fills the warped picture but for the context on every side. */
  Box withContext(Box region) {
    float share = (float) context / (size - 2 * context);
    float x = share * region.width();
    float y = share * region.height();
    return new Box(region.x1() - x, region.y1() - y, region.x2() + x, region.y2() + y);
  }

  /**
   * Warps: RoIAlign with one bilinear sample a pixel.
   *
   * @param images {@code [N,H,W,3]} of {@link #pictures}
   * @param rois {@code [R,5]}, grown already; image -1 gives the mean colour
   */
  Tensor warp(Ops ops, Tensor images, Tensor rois) {
    return ops.roiAlign(RoiAlignSpec.single(size, 1, true, 1), List.of(images), rois);
  }
}

package dev.cocoli.backend.primitives;

import dev.cocoli.backend.spec.RoiAlignSpec;
import dev.cocoli.backend.spec.RoiPoolSpec;
import dev.cocoli.tensor.Tensor;
import java.util.List;

/** Picks rows, and pools regions {@code [R,5]} of maps {@code [N,H,W,C]}. */
public interface Regions {
  /**
   * Picks rows, image by image.
   *
   * @param x {@code [N,R,C]}, F32 or I32
   * @param indices {@code [N,M]}, rows of the same image; a negative one picks zeros (F32) or -1
   *     (I32)
   * @param y {@code [N,M,C]}, the type of x
   */
  void gatherRows(Tensor x, Tensor indices, Tensor y);

  /**
   * Gradient of {@link #gatherRows}: adds rows to where they came from.
   *
   * @param dy {@code [N,M,C]}
   * @param indices {@code [N,M]}; negative ones are skipped, no two of an image are equal
   * @param dx {@code [N,R,C]}, overwritten: zero where no row was picked
   */
  void scatterRows(Tensor dy, Tensor indices, Tensor dx);

  /**
   * RoIAlign: each region is pooled from the one map that fits its size.
   *
   * @param spec bins, samples, scales
   * @param maps one {@code [N,H,W,C]} per scale
   * @param rois {@code [R,5]}: image (negative: the output is 0) and box in pixels of the padded
   *     image
   * @param y {@code [R,bins,bins,C]}
   */
  void roiAlign(RoiAlignSpec spec, List<Tensor> maps, Tensor rois, Tensor y);

  /**
   * Gradient of {@link #roiAlign} by the maps.
   *
   * @param spec bins, samples, scales
   * @param dy like y
   * @param rois the regions
   * @param dMaps like the maps; overwritten
   */
  void roiAlignBackward(RoiAlignSpec spec, Tensor dy, Tensor rois, List<Tensor> dMaps);

  /**
   * RoIPool: the maxima of each region's bins. The first of equal elements wins, row by row; a bin
   * without a pixel is 0.
   *
   * @param spec bins, scale
   * @param map {@code [N,H,W,C]}
   * @param rois {@code [R,5]}: image (negative: the output is 0) and box in pixels of the padded
   *     image
   * @param y {@code [R,bins,bins,C]}
   * @param argmax I32 like y: the winner's place in the map, {@code row * W + column}, -1 for none;
   *     or null
   */
  void roiPool(RoiPoolSpec spec, Tensor map, Tensor rois, Tensor y, Tensor argmax);

  /**
   * Gradient of {@link #roiPool} by the map.
   *
   * @param spec bins, scale
   * @param dy like y
   * @param rois the regions
   * @param argmax what the forward call wrote
   * @param dMap like the map; overwritten
   */
  void roiPoolBackward(RoiPoolSpec spec, Tensor dy, Tensor rois, Tensor argmax, Tensor dMap);
}

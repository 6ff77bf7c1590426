package dev.cocoli.detection.head;

import dev.cocoli.detection.ImageBatch;
import dev.cocoli.ops.Ops;
import dev.cocoli.tensor.Tensor;
import java.util.List;

/**
 * Cuts regions of any size out of a backbone's maps. In: maps {@code [N,H,W,C]}, finest first, and
 * regions {@code [R,5]}; out: {@code [R,bins,bins,C]}.
 */
public sealed interface RoiPooler permits MultiScaleRoiAlign, OneMapRoiPool {
  /** Bins along each axis, of all the family's detectors. */
  int BINS = 7;

  /**
   * The regions' maps.
   *
   * @param ops runs the operations
   * @param batch the images
   * @param maps the feature maps, finest first
   * @param rois the regions {@code [R,5]}
   * @return {@code [R,bins,bins,C]}
   */
  Tensor forward(Ops ops, ImageBatch batch, List<Tensor> maps, Tensor rois);
}

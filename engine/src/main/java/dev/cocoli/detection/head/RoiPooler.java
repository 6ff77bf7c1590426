package dev.cocoli.detection.head;

import dev.cocoli.detection.ImageBatch;
import dev.cocoli.ops.Ops;
import dev.cocoli.tensor.Tensor;
import java.util.List;

/**
 * Cuts regions of any size out of a backbone's maps. In: maps {@code [N,H,W,C]}, finest first, and
 * regions {@code [R,5]}; out: {@code [R,bins,bins,C]}. One that is written elsewhere works as well.
 */
@FunctionalInterface
public interface RoiPooler {
  /**
   * {@return the regions' maps, {@code [R,bins,bins,C]}}
   *
   * @param ops runs the operations
   * @param batch the images
   * @param maps the feature maps, finest first; not released
   * @param rois the regions {@code [R,5]}: the number of the image, then x1, y1, x2, y2 in pixels
   *     of the resized image; R may be 0, and image -1 stands for no region
   */
  Tensor forward(Ops ops, ImageBatch batch, List<Tensor> maps, Tensor rois);
}

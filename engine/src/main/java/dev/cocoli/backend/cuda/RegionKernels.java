package dev.cocoli.backend.cuda;

import dev.cocoli.backend.BufferPool;
import dev.cocoli.backend.RoiAlignSpec;
import dev.cocoli.backend.RoiPoolSpec;
import dev.cocoli.tensor.Tensor;
import java.util.List;

/** Picks rows and pools regions: {@code [R,5]} regions of {@code [N,H,W,C]} maps. */
final class RegionKernels {
  private final KernelCall call;
  private final BufferPool pool;

  RegionKernels(KernelCall call, BufferPool pool) {
    this.call = call;
    this.pool = pool;
  }

  /** See {@link dev.cocoli.backend.Backend#gatherRows}. */
  void gatherRows(Tensor x, Tensor indices, Tensor y) {
    throw new UnsupportedOperationException("gatherRows");
  }

  /** See {@link dev.cocoli.backend.Backend#scatterRows}. */
  void scatterRows(Tensor dy, Tensor indices, Tensor dx) {
    throw new UnsupportedOperationException("scatterRows");
  }

  /** See {@link dev.cocoli.backend.Backend#roiAlign}. */
  void roiAlign(RoiAlignSpec spec, List<Tensor> maps, Tensor rois, Tensor y) {
    throw new UnsupportedOperationException("roiAlign");
  }

  /** See {@link dev.cocoli.backend.Backend#roiAlignBackward}. */
  void roiAlignBackward(RoiAlignSpec spec, Tensor dy, Tensor rois, List<Tensor> dMaps) {
    throw new UnsupportedOperationException("roiAlignBackward");
  }

  /** See {@link dev.cocoli.backend.Backend#roiPool}. */
  void roiPool(RoiPoolSpec spec, Tensor map, Tensor rois, Tensor y, Tensor argmax) {
    throw new UnsupportedOperationException("roiPool");
  }

  /** See {@link dev.cocoli.backend.Backend#roiPoolBackward}. */
  void roiPoolBackward(RoiPoolSpec spec, Tensor dy, Tensor rois, Tensor argmax, Tensor dMap) {
    throw new UnsupportedOperationException("roiPoolBackward");
  }
}

package dev.cocoli.ops;

import static dev.cocoli.ops.Ops.require;

import dev.cocoli.backend.primitives.Regions;
import dev.cocoli.backend.spec.RoiAlignSpec;
import dev.cocoli.backend.spec.RoiPoolSpec;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Shape;
import dev.cocoli.tensor.Tensor;
import java.util.List;

/**
 * Pools regions of maps, with the gradients of the maps. It checks shapes; the backend does not.
 */
public final class RoiOps {
  private final Ops ops;
  private final Tape tape;
  private final Regions regions;

  /**
   * Operations of a forward pass.
   *
   * @param ops the pass
   */
  public RoiOps(Ops ops) {
    this.ops = ops;
    tape = ops.tape();
    regions = ops.backend().regions();
  }

  /**
   * {@return each region pooled from the map that fits it, {@code [R,bins,bins,C]}}
   *
   * @param spec bins, samples, scales
   * @param maps one {@code [N,H,W,C]} per scale
   * @param rois {@code [R,5]}: image, box; has no gradient
   */
  public Tensor roiAlign(RoiAlignSpec spec, List<Tensor> maps, Tensor rois) {
    require(maps.size() == spec.spatialScales().length, "RoIAlign", maps, spec);
    require(rois.shape().rank() == 2 && rois.dim(1) == 5, "RoIAlign", maps, rois);
    int bins = spec.outputSize();
    Tensor y =
        ops.allocate(maps.getFirst().dtype(), rois.dim(0), bins, bins, maps.getFirst().dim(3));
    regions.roiAlign(spec, maps, rois, y);
    tape.record(
        y,
        maps,
        List.of(),
        dy -> {
          List<Tensor> gradients = maps.stream().map(ops::like).toList();
          regions.roiAlignBackward(spec, dy, rois, gradients);
          for (int i = 0; i < maps.size(); i++) {
            tape.contribute(maps.get(i), gradients.get(i));
          }
        });
    return y;
  }

  /**
   * {@return the maxima of each region's bins, {@code [R,bins,bins,C]}, in the type of the map}
   *
   * @param spec bins, scale
   * @param map {@code [N,H,W,C]}
   * @param rois {@code [R,5]}: image, box; has no gradient
   */
  public Tensor roiPool(RoiPoolSpec spec, Tensor map, Tensor rois) {
    require(map.shape().rank() == 4, "RoIPool", map, spec);
    require(rois.shape().rank() == 2 && rois.dim(1) == 5, "RoIPool", map, rois);
    if (map.dtype() != DType.F32) { // a maximum is exact; its gradient is summed in fp32
      return ops.cast(roiPool(spec, ops.cast(map, DType.F32), rois), map.dtype());
    }
    Shape shape = Shape.of(rois.dim(0), spec.outputSize(), spec.outputSize(), map.dim(3));
    Tensor y = ops.scope().allocate(DType.F32, shape);
    Tensor argmax = tape.tracks(map) ? ops.scope().allocate(DType.I32, shape) : null;
    regions.roiPool(spec, map, rois, y, argmax);
    tape.record(
        y,
        List.of(map),
        List.of(),
        dy -> {
          Tensor dMap = ops.like(map);
          regions.roiPoolBackward(spec, dy, rois, argmax, dMap);
          ops.scope().release(argmax);
          tape.contribute(map, dMap);
        });
    return y;
  }
}

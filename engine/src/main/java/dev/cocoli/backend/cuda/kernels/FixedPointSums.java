package dev.cocoli.backend.cuda.kernels;

import dev.cocoli.backend.TensorScope;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * Gradients of maps to which threads add in any order, with the same bits in every run: sums of
 * whole numbers, 8 bytes for each element, in a unit that the largest gradient decides (region.cuh:
 * FixedPoint). It is never read by the host.
 */
final class FixedPointSums {
  private static final String FILE = "fixed_point";
  private static final Kernel.Floats LARGEST_GRADIENT = Kernel.floats(FILE, "largest_gradient");
  private static final Kernel.Floats FIXED_TO_FLOAT = Kernel.floats(FILE, "fixed_to_float");

  private final KernelCall call;
  private final List<Tensor> sums = new ArrayList<>();
  private final Tensor largest;
  private final int headroom;

  /**
   * Queues what finds the unit, and clears the sums.
   *
   * @param scope where the memory comes from
   * @param dy {@code [R,bins,bins,C]}, which is not empty: what will be added, each element with
   *     weights whose sum is 1 at most
   * @param rois {@code [R,5]}
   * @param dMaps the maps whose gradients are wanted
   */
  FixedPointSums(KernelCall call, TensorScope scope, Tensor dy, Tensor rois, List<Tensor> dMaps) {
    this.call = call;
    long total = dMaps.stream().mapToLong(Tensor::elementCount).sum();
    Tensor all = scope.allocate(DType.I64, total);
    call.zero(all);
    long start = 0;
    for (Tensor map : dMaps) {
      sums.add(all.rows(start, map.elementCount()).reshape(map.shape().toArray()));
      start += map.elementCount();
    }
    largest = scope.allocate(DType.I32, 1);
    call.zero(largest);
    long bins = dy.dim(0) * dy.dim(1) * dy.dim(2);
    headroom = Long.SIZE - Long.numberOfLeadingZeros(bins - 1);
    call.of(LARGEST_GRADIENT.of(dy.dtype()))
        .tensor(dy)
        .tensor(rois)
        .tensor(largest)
        .i64(dy.elementCount() / dy.dim(0))
        .blocks(dy.dim(0), KernelCall.THREADS);
  }

  /** Returns what a kernel adds to, of the shapes of the maps. */
  List<Tensor> sums() {
    return sums;
  }

  /** Writes the field {@code FixedPoint} of a kernel's arguments. */
  KernelCall argument() {
    return call.tensor(largest).i32(headroom);
  }

  /** Queues the conversion of the sums. */
  void writeTo(List<Tensor> dMaps) {
    for (int i = 0; i < sums.size(); i++) {
      Tensor map = dMaps.get(i);
      call.of(FIXED_TO_FLOAT.of(map.dtype()))
          .tensor(sums.get(i))
          .output(map)
          .i64(map.elementCount());
      argument().over(map.elementCount());
    }
  }
}

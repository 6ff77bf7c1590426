package dev.cocoli.backend.cpu.loops;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.BufferPool;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.backend.cpu.Workers;
import dev.cocoli.backend.cpu.onednn.OneDnnCast;
import dev.cocoli.backend.spec.RoiAlignSpec;
import dev.cocoli.backend.spec.RoiPoolSpec;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Picks rows and pools regions: {@code [R,5]} regions of {@code [N,H,W,C]} maps. */
public final class RegionLoops {
  /** Bytes that one piece of a copying loop moves, about. */
  private static final long COPY_GRAIN_BYTES = 1 << 16;

  private final Workers workers;
  private final BufferPool pool;
  private final OneDnnCast cast;
  private final RoiAlignForward forward;
  private final RoiAlignBackward backward;
  private final RoiMaxima maxima;

  /**
   * Makes the loops.
   *
   * @param workers the threads that share them
   * @param pool where sums lie that become BF16 later
   * @param cast converts them
   */
  public RegionLoops(Workers workers, BufferPool pool, OneDnnCast cast) {
    this.workers = workers;
    this.pool = pool;
    this.cast = cast;
    forward = new RoiAlignForward(workers);
    backward = new RoiAlignBackward(workers);
    maxima = new RoiMaxima(workers);
  }

  /**
   * See {@link Backend#gatherRows}.
   *
   * @param x {@code [N,R,C]}
   * @param indices {@code [N,M]}
   * @param y {@code [N,M,C]}
   */
  public void gatherRows(Tensor x, Tensor indices, Tensor y) {
    MemorySegment source = x.segment();
    MemorySegment picked = indices.segment();
    MemorySegment target = y.segment();
    long rows = x.dim(1);
    long count = indices.dim(1);
    long columns = x.dim(2);
    int missing = x.dtype() == DType.F32 ? 0 : -1;
    workers.rows(
        indices.elementCount(),
        grain(columns),
        (from, to) -> {
          for (long i = from; i < to; i++) {
            int row = picked.getAtIndex(JAVA_INT, i);
            long into = i * columns;
            if (row < 0) {
              for (long c = 0; c < columns; c++) {
                target.setAtIndex(JAVA_INT, into + c, missing);
              }
            } else {
              copyRow(source, (i / count * rows + row) * columns, target, into, columns);
            }
          }
        });
  }

  /**
   * See {@link Backend#scatterRows}.
   *
   * @param dy {@code [N,M,C]}
   * @param indices {@code [N,M]}
   * @param dx {@code [N,R,C]}
   */
  public void scatterRows(Tensor dy, Tensor indices, Tensor dx) {
    MemorySegment source = dy.segment();
    MemorySegment picked = indices.segment();
    MemorySegment target = dx.segment();
    long rows = dx.dim(1);
    long count = indices.dim(1);
    long columns = dx.dim(2);
    workers.rows(
        dx.byteSize(),
        COPY_GRAIN_BYTES,
        (from, to) -> target.asSlice(from, to - from).fill((byte) 0));
    workers.rows(
        indices.elementCount(),
        grain(columns),
        (from, to) -> {
          for (long i = from; i < to; i++) {
            int row = picked.getAtIndex(JAVA_INT, i);
            if (row >= 0) {
              copyRow(source, i * columns, target, (i / count * rows + row) * columns, columns);
            }
          }
        });
  }

  private static long grain(long columns) {
    return Math.max(1, COPY_GRAIN_BYTES / (4 * Math.max(1, columns)));
  }

  private static void copyRow(
      MemorySegment source, long from, MemorySegment target, long into, long columns) {
    // below this a bulk copy's checks cost more than the elements
    if (columns <= 8) {
      for (long c = 0; c < columns; c++) {
        target.setAtIndex(JAVA_INT, into + c, source.getAtIndex(JAVA_INT, from + c));
      }
    } else {
      MemorySegment.copy(source, 4 * from, target, 4 * into, 4 * columns);
    }
  }

  /**
   * See {@link Backend#roiAlign}.
   *
   * @param spec bins, samples, scales
   * @param maps one {@code [N,H,W,C]} a scale
   * @param rois {@code [R,5]}
   * @param y {@code [R,bins,bins,C]}
   */
  public void roiAlign(RoiAlignSpec spec, List<Tensor> maps, Tensor rois, Tensor y) {
    forward.run(spec, maps, rois, y);
  }

  /**
   * See {@link Backend#roiAlignBackward}.
   *
   * @param spec bins, samples, scales
   * @param dy {@code [R,bins,bins,C]}
   * @param rois {@code [R,5]}
   * @param dMaps one {@code [N,H,W,C]} a scale
   */
  public void roiAlignBackward(RoiAlignSpec spec, Tensor dy, Tensor rois, List<Tensor> dMaps) {
    if (dy.dtype() == DType.F32) {
      backward.run(spec, dy, rois, dMaps);
      return;
    }
    // hundreds of regions may add to a pixel, so that a sum is rounded at its end only
    try (TensorScope scope = new TensorScope(pool)) {
      Tensor exact = scope.allocate(DType.F32, dy.shape());
      cast.cast(dy, exact);
      List<Tensor> sums = dMaps.stream().map(m -> scope.allocate(DType.F32, m.shape())).toList();
      backward.run(spec, exact, rois, sums);
      for (int i = 0; i < sums.size(); i++) {
        cast.cast(sums.get(i), dMaps.get(i));
      }
    }
  }

  /**
   * See {@link Backend#roiPool}.
   *
   * @param spec bins, scale
   * @param map {@code [N,H,W,C]}
   * @param rois {@code [R,5]}
   * @param y {@code [R,bins,bins,C]}
   * @param argmax I32 like y, or null
   */
  public void roiPool(RoiPoolSpec spec, Tensor map, Tensor rois, Tensor y, Tensor argmax) {
    maxima.run(spec, map, rois, y, argmax);
  }

  /**
   * See {@link Backend#roiPoolBackward}.
   *
   * @param spec bins, scale
   * @param dy {@code [R,bins,bins,C]}
   * @param rois {@code [R,5]}
   * @param argmax I32 like dy
   * @param dMap {@code [N,H,W,C]}
   */
  public void roiPoolBackward(
      RoiPoolSpec spec, Tensor dy, Tensor rois, Tensor argmax, Tensor dMap) {
    maxima.runBackward(dy, rois, argmax, dMap);
  }
}

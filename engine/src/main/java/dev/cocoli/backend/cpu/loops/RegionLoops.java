package dev.cocoli.backend.cpu.loops;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.cocoli.backend.BufferPool;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.backend.cpu.Workers;
import dev.cocoli.backend.primitives.Regions;
import dev.cocoli.backend.spec.RoiAlignSpec;
import dev.cocoli.backend.spec.RoiPoolSpec;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Picks rows and pools regions: {@code [R,5]} regions of {@code [N,H,W,C]} maps. */
public final class RegionLoops implements Regions {
  /** Bytes that one piece of a copying loop moves, about. */
  private static final long COPY_GRAIN_BYTES = 1 << 16;

  private final Workers workers;
  private final BufferPool pool;
  private final MemoryLoops memory;
  private final RoiAlignForward forward;
  private final RoiAlignBackward backward;
  private final RoiMaxima maxima;

  /**
   * Makes the loops.
   *
   * @param workers the threads that share them
   * @param pool where sums lie that become BF16 later
   * @param memory converts them
   */
  public RegionLoops(Workers workers, BufferPool pool, MemoryLoops memory) {
    this.workers = workers;
    this.pool = pool;
    this.memory = memory;
    forward = new RoiAlignForward(workers);
    backward = new RoiAlignBackward(workers);
    maxima = new RoiMaxima(workers);
  }

  @Override
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
    y.buffer().markWritten();
  }

  @Override
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
    dx.buffer().markWritten();
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

  @Override
  public void roiAlign(RoiAlignSpec spec, List<Tensor> maps, Tensor rois, Tensor y) {
    forward.run(spec, maps, rois, y);
    y.buffer().markWritten();
  }

  @Override
  public void roiAlignBackward(RoiAlignSpec spec, Tensor dy, Tensor rois, List<Tensor> dMaps) {
    dMaps.forEach(map -> map.buffer().markWritten());
    if (dy.dtype() == DType.F32) {
      backward.run(spec, dy, rois, dMaps);
      return;
    }
    // hundreds of regions may add to a pixel, so that a sum is rounded at its end only
    try (TensorScope scope = new TensorScope(pool)) {
      Tensor exact = scope.allocate(DType.F32, dy.shape());
      memory.cast(dy, exact);
      List<Tensor> sums = dMaps.stream().map(m -> scope.allocate(DType.F32, m.shape())).toList();
      backward.run(spec, exact, rois, sums);
      for (int i = 0; i < sums.size(); i++) {
        memory.cast(sums.get(i), dMaps.get(i));
      }
    }
  }

  @Override
  public void roiPool(RoiPoolSpec spec, Tensor map, Tensor rois, Tensor y, Tensor argmax) {
    maxima.run(spec, map, rois, y, argmax);
    y.buffer().markWritten();
    if (argmax != null) {
      argmax.buffer().markWritten();
    }
  }

  @Override
  public void roiPoolBackward(
      RoiPoolSpec spec, Tensor dy, Tensor rois, Tensor argmax, Tensor dMap) {
    maxima.runBackward(dy, rois, argmax, dMap);
    dMap.buffer().markWritten();
  }
}

package dev.cocoli.backend.cpu.loops;

import dev.cocoli.backend.cpu.Workers;
import dev.cocoli.backend.cpu.onednn.OneDnnReorder;
import dev.cocoli.backend.primitives.Copies;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * Copies and fills by loops, parallel because one core does not saturate the memory; conversions by
 * oneDNN.
 */
public final class MemoryLoops implements Copies {
  private static final long GRAIN_BYTES = 256 << 10;

  private final Workers workers;
  private final OneDnnReorder reorder;

  public MemoryLoops(Workers workers, OneDnnReorder reorder) {
    this.workers = workers;
    this.reorder = reorder;
  }

  @Override
  public void copy(Tensor from, Tensor to) {
    long byteSize = to.byteSize();
    if (from.byteSize() != byteSize) {
      throw new IllegalArgumentException(
          "cannot copy " + from.byteSize() + " bytes to " + byteSize);
    }
    MemorySegment source = from.segment();
    MemorySegment target = to.segment();
    workers.rows(
        byteSize,
        GRAIN_BYTES,
        (first, last) -> MemorySegment.copy(source, first, target, first, last - first));
    to.buffer().markWritten();
  }

  @Override
  public void copyColumns(List<Columns> all) {
    all.forEach(this::copyColumns);
  }

  private void copyColumns(Columns which) {
    Tensor to = which.to();
    int element = to.dtype().byteSize();
    long places = which.places();
    long byteSize = which.columns() * element;
    long fromStride = which.from().dim(-1) * element;
    long fromOffset = which.fromColumn() * element;
    long toStride = to.dim(1) * element;
    long toOffset = which.toColumn() * element;
    MemorySegment source = which.from().segment();
    MemorySegment target = to.segment();
    workers.rows(
        to.dim(0) * places,
        Math.max(1, GRAIN_BYTES / Math.max(1, byteSize)),
        (first, last) -> {
          long row = first / places;
          long place = first % places;
          for (long at = first; at < last; at++) {
            MemorySegment.copy(
                source,
                at * fromStride + fromOffset,
                target,
                row * toStride + toOffset + place * byteSize,
                byteSize);
            if (++place == places) {
              place = 0;
              row++;
            }
          }
        });
    to.buffer().markWritten();
  }

  @Override
  public void fill(Tensor x, float value) {
    int pattern;
    if (x.dtype() == DType.F32) {
      pattern = Float.floatToRawIntBits(value);
    } else if (x.dtype() == DType.I32) {
      pattern = Math.round(value);
    } else if (x.dtype() == DType.BF16 && Float.floatToRawIntBits(value) == 0) {
      pattern = 0;
    } else {
      throw new IllegalArgumentException("fill does not take " + x + " and " + value);
    }
    MemorySegment target = x.segment();
    x.buffer().markWritten();
    if (pattern == 0) {
      workers.rows(
          target.byteSize(),
          GRAIN_BYTES,
          (first, last) -> target.asSlice(first, last - first).fill((byte) 0));
      return;
    }
    workers.rows(
        x.elementCount(),
        GRAIN_BYTES / Integer.BYTES,
        (first, last) -> {
          for (long i = first; i < last; i++) {
            target.setAtIndex(ValueLayout.JAVA_INT, i, pattern);
          }
        });
  }

  @Override
  public void cast(Tensor x, Tensor y) {
    if (x.elementCount() > 0) {
      reorder.convert(x, y);
      y.buffer().markWritten();
    }
  }
}

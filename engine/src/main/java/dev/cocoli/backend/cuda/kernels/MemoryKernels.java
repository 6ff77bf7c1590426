package dev.cocoli.backend.cuda.kernels;

import dev.cocoli.backend.primitives.Copies;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import java.util.List;

/** Copies, fills and conversions. */
public final class MemoryKernels implements Copies {
  private static final String FILE = "memory";
  private static final Kernel FILL = new Kernel(FILE, "fill");
  private static final Kernel COPY_COLUMNS = new Kernel(FILE, "copy_columns");
  private static final Kernel CAST_F32_BF16 = new Kernel(FILE, "cast_f32_bf16");
  private static final Kernel CAST_BF16_F32 = new Kernel(FILE, "cast_bf16_f32");

  /** Parts that {@code copy_columns} takes: memory.cu has the same number. */
  private static final int MOST_COPIED = 16;

  /** Units that a block of {@code copy_columns} moves: likewise. */
  private static final long COPIED_PIECE = 2048;

  /** Elements that a thread of {@code cast} converts at once. */
  private static final long CAST_WIDTH = 4;

  private final KernelCall call;

  MemoryKernels(KernelCall call) {
    this.call = call;
  }

  @Override
  public void copy(Tensor from, Tensor to) {
    if (from.byteSize() != to.byteSize()) {
      throw new IllegalArgumentException(
          "cannot copy " + from.byteSize() + " bytes to " + to.byteSize());
    }
    to.buffer().markWritten();
    if (to.byteSize() > 0) {
      call.queue().copy(from.segment(), to.segment());
    }
  }

  @Override
  public void copyColumns(List<Columns> all) {
    List<Columns> some =
        all.stream().filter(each -> each.columns() > 0 && each.from().elementCount() > 0).toList();
    for (int first = 0; first < some.size(); first += MOST_COPIED) {
      copySome(some.subList(first, Math.min(some.size(), first + MOST_COPIED)));
    }
  }

  /** Queues one kernel; its arguments say where everything lies. */
  private void copySome(List<Columns> some) {
    call.of(COPY_COLUMNS);
    long blocks = 0;
    for (Columns each : some) {
      long element = each.to().dtype().byteSize();
      long fromBytes = each.from().segment().address() + each.fromColumn() * element;
      long toBytes = each.to().segment().address() + each.toColumn() * element;
      long fromStride = each.from().dim(-1) * element;
      long toStride = each.to().dim(1) * element;
      long width = each.columns() * element;
      // what divides all of these is how much can be moved at a time
      int unit =
          (int)
              Math.min(16, Long.lowestOneBit(fromBytes | toBytes | fromStride | toStride | width));
      long rowUnits = each.places() * width / unit;
      long count = each.to().dim(0) * rowUnits;
      each.to().buffer().markWritten();
      call.i64(fromBytes)
          .i64(toBytes)
          .i64(fromStride / unit)
          .i64(toStride / unit)
          .i32(count)
          .i32(blocks)
          .divider(width / unit, count)
          .divider(rowUnits, count)
          .i32(unit)
          .i32(0); // the structure is padded to a multiple of its pointers
      blocks += Math.ceilDiv(count, COPIED_PIECE);
    }
    for (int i = some.size(); i < MOST_COPIED; i++) {
      call.i64(0).i64(0).i64(0).i64(0).i32(0).i32(0).divider(1, 1).divider(1, 1).i32(0).i32(0);
    }
    call.i64(some.size()).blocks(blocks, KernelCall.THREADS);
  }

  @Override
  public void fill(Tensor x, float value) {
    int pattern =
        switch (x.dtype()) {
          case F32 -> Float.floatToRawIntBits(value);
          case I32 -> Math.round(value);
          case BF16 -> bf16Pattern(value);
          default -> throw new IllegalArgumentException("fill does not take " + x);
        };
    if (x.byteSize() == 0) {
      return;
    }
    if (pattern == 0) {
      call.zero(x);
    } else {
      call.of(FILL).output(x).i64(x.elementCount()).i32(pattern).over(x.elementCount());
    }
  }

  private static int bf16Pattern(float value) {
    if (Float.floatToRawIntBits(value) != 0) {
      throw new IllegalArgumentException("BF16 is filled with 0 only, not " + value);
    }
    return 0;
  }

  @Override
  public void cast(Tensor x, Tensor y) {
    if (x.dtype() == y.dtype() || !isFloat(x.dtype()) || !isFloat(y.dtype())) {
      throw new IllegalArgumentException("no conversion from " + x + " to " + y);
    }
    long count = x.elementCount();
    call.of(x.dtype() == DType.F32 ? CAST_F32_BF16 : CAST_BF16_F32)
        .tensor(x)
        .output(y)
        .i64(count)
        .over((count + CAST_WIDTH - 1) / CAST_WIDTH);
  }

  private static boolean isFloat(DType dtype) {
    return dtype == DType.F32 || dtype == DType.BF16;
  }
}

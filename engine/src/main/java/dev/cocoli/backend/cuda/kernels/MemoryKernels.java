package dev.cocoli.backend.cuda.kernels;

import dev.cocoli.backend.primitives.Copies;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;

/** Copies, fills and conversions. */
public final class MemoryKernels implements Copies {
  private static final String FILE = "memory";
  private static final Kernel FILL = new Kernel(FILE, "fill");
  private static final Kernel COPY_COLUMNS_16 = new Kernel(FILE, "copy_columns_16");
  private static final Kernel COPY_COLUMNS_4 = new Kernel(FILE, "copy_columns_4");
  private static final Kernel COPY_COLUMNS_2 = new Kernel(FILE, "copy_columns_2");
  private static final Kernel COPY_COLUMNS_1 = new Kernel(FILE, "copy_columns_1");
  private static final Kernel CAST_F32_BF16 = new Kernel(FILE, "cast_f32_bf16");
  private static final Kernel CAST_BF16_F32 = new Kernel(FILE, "cast_bf16_f32");

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
  public void copyColumns(Tensor from, long fromColumn, Tensor to, long toColumn, long columns) {
    if (from.dtype() != to.dtype()
        || from.dim(0) != to.dim(0)
        || fromColumn + columns > from.dim(1)
        || toColumn + columns > to.dim(1)) {
      throw new IllegalArgumentException(
          "cannot copy columns " + fromColumn + " + " + columns + " of " + from + " to " + to);
    }
    if (columns == 0 || to.dim(0) == 0) {
      return;
    }
    to.buffer().markWritten();
    long element = to.dtype().byteSize();
    long fromBytes = from.segment().address() + fromColumn * element;
    long toBytes = to.segment().address() + toColumn * element;
    // what divides all of these is how much can be moved at a time
    long joint =
        fromBytes | toBytes | columns * element | from.dim(1) * element | to.dim(1) * element;
    int unit = (int) Math.min(16, Long.lowestOneBit(joint));
    if (unit == 8) {
      unit = 4;
    }
    Kernel kernel =
        switch (unit) {
          case 16 -> COPY_COLUMNS_16;
          case 4 -> COPY_COLUMNS_4;
          case 2 -> COPY_COLUMNS_2;
          default -> COPY_COLUMNS_1;
        };
    long width = columns * element / unit;
    long count = to.dim(0) * width;
    call.of(kernel)
        .i64(fromBytes)
        .i64(toBytes)
        .i64(from.dim(1) * element / unit)
        .i64(to.dim(1) * element / unit)
        .i64(count)
        .divider(width, count)
        .over(count);
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

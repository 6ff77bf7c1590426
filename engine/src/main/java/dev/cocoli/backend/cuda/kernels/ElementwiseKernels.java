package dev.cocoli.backend.cuda.kernels;

import dev.cocoli.backend.BufferPool;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.backend.primitives.Elementwise;
import dev.cocoli.backend.spec.Activation;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;

/** Sums and masks of arrays, and what a convolution leaves to be done after it. */
public final class ElementwiseKernels implements Elementwise {
  private static final String FILE = "elementwise";
  private static final Kernel.Floats ADD = Kernel.floats(FILE, "add");
  private static final Kernel.Floats RELU_BACKWARD = Kernel.floats(FILE, "relu_backward");
  private static final Kernel.Floats EPILOGUE = Kernel.floats(FILE, "epilogue");
  private static final ChannelPacks COLUMN_SUMS = ChannelPacks.of(FILE, "column_sums");
  private static final Kernel ADD_PARTIAL_SUMS = new Kernel(FILE, "add_partial_sums");
  private static final Kernel.Floats SCALE_ROWS = Kernel.floats(FILE, "scale_rows");

  /**
   * Packs of columns that a block of {@code column_sums} sums, and rows that it reads at a time.
   */
  private static final long SUM_PACKS = 32;

  private static final long SUM_ROWS = 8;

  /** Threads of a block of {@code add_partial_sums}: a warp for each of so many rows. */
  private static final int PARTIAL_THREADS = 1024;

  private final KernelCall call;
  private final BufferPool pool;

  public ElementwiseKernels(KernelCall call, BufferPool pool) {
    this.call = call;
    this.pool = pool;
  }

  @Override
  public void add(Tensor a, Tensor b, Tensor y) {
    long count = y.elementCount();
    call.of(ADD.of(y.dtype())).tensor(a).tensor(b).output(y).i64(count).over(wide(y));
  }

  @Override
  public void reluBackward(Tensor y, Tensor dy) {
    call.of(RELU_BACKWARD.of(y.dtype())).tensor(y).output(dy).i64(y.elementCount()).over(wide(y));
  }

  /**
   * Finishes a convolution or a matrix product: {@code y = activation(y * scale + shift +
   * residual)}.
   *
   * @param y {@code [..., C]}, F32 or BF16, overwritten
   * @param scale F32 {@code [C]} or null
   * @param shift F32 {@code [C]} or null
   * @param residual like y, or null
   * @param activation applied last
   */
  public void epilogue(
      Tensor y, Tensor scale, Tensor shift, Tensor residual, Activation activation) {
    if (scale == null && shift == null && residual == null && activation == Activation.NONE) {
      return;
    }
    call.of(EPILOGUE.of(y.dtype()))
        .output(y)
        .tensor(scale)
        .tensor(shift)
        .tensor(residual)
        .i64(y.elementCount())
        .divider(y.dim(-1), y.elementCount())
        .i32(activation == Activation.RELU ? 1 : 0)
        .over(wide(y));
  }

  /**
   * Adds the sum of every column.
   *
   * @param x {@code [..., C]}, F32 or BF16
   * @param sums F32 {@code [C]}, added to
   */
  public void addColumnSums(Tensor x, Tensor sums) {
    long columns = x.dim(-1);
    long rows = columns == 0 ? 0 : x.elementCount() / columns;
    if (rows == 0) {
      return;
    }
    ChannelPacks.Choice choice = COLUMN_SUMS.choose(x);
    long strips = Math.ceilDiv(columns, SUM_PACKS * choice.width());
    // as many partial sums as keep the device busy, but at least 64 rows for each
    long wanted = Math.max(1, call.queue().residentBlocks() / strips);
    long parts = Math.max(1, Math.min(wanted, rows / (8 * SUM_ROWS)));
    try (TensorScope scope = new TensorScope(pool)) {
      Tensor partial = scope.allocate(DType.F32, parts, columns);
      call.of(choice.kernel())
          .tensor(x)
          .tensor(partial)
          .i64(rows)
          .i64(columns)
          .blocks(strips, parts, KernelCall.THREADS, 0);
      call.of(ADD_PARTIAL_SUMS)
          .tensor(partial)
          .output(sums)
          .i64(parts)
          .i64(columns)
          .blocks(Math.ceilDiv(columns, SUM_PACKS), PARTIAL_THREADS);
    }
  }

  /**
   * Multiplies each row by its factor, and converts.
   *
   * @param x F32 {@code [R, ...]}
   * @param scale F32 {@code [R]}, or null for 1
   * @param y like x, F32 or BF16
   */
  public void scaleRows(Tensor x, Tensor scale, Tensor y) {
    scaleRows(x, scale, y, 0);
  }

  /**
   * Multiplies each row by its factor and adds it to a row.
   *
   * @param x F32 {@code [R, ...]}
   * @param scale F32 {@code [R]}, or null for 1
   * @param y F32 like x, added to
   */
  public void addScaledRows(Tensor x, Tensor scale, Tensor y) {
    scaleRows(x, scale, y, 1);
  }

  private void scaleRows(Tensor x, Tensor scale, Tensor y, int accumulate) {
    long count = x.elementCount();
    if (count == 0) {
      return;
    }
    call.of(SCALE_ROWS.of(y.dtype()))
        .tensor(x)
        .tensor(scale)
        .output(y)
        .i64(count)
        .divider(count / x.dim(0), count)
        .i32(accumulate)
        .over(count);
  }

  /** Returns how many pieces of 16 bytes a tensor has, rounded up. */
  private static long wide(Tensor tensor) {
    return (tensor.byteSize() + 15) / 16;
  }
}

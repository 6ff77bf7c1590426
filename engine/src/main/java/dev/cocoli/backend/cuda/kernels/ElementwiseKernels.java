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
  private static final ChannelPacks COLUMN_SUMS = ChannelPacks.of(FILE, "add_column_sums");
  private static final Kernel.Floats SCALE_ROWS = Kernel.floats(FILE, "scale_rows");

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
    if (x.elementCount() == 0) {
      return;
    }
    ChannelPacks.Choice choice = COLUMN_SUMS.choose(x);
    ChannelTiles tiles = ChannelTiles.of(x, choice.width(), call.queue().residentBlocks());
    try (TensorScope scope = new TensorScope(pool)) {
      call.of(choice.kernel()).tensor(x);
      tiles.writeSums(call, scope, 1);
      tiles.write(call);
      call.output(sums);
      tiles.launch(call);
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

package dev.cocoli.backend.cuda.kernels;

import dev.cocoli.backend.BufferPool;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.backend.primitives.Elementwise;
import dev.cocoli.backend.spec.Activation;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import java.util.List;

/** Sums and masks of arrays, and what a convolution leaves to be done after it. */
public final class ElementwiseKernels implements Elementwise {
  private static final String FILE = "elementwise";
  private static final Kernel.Floats ADD = Kernel.floats(FILE, "add");
  private static final Kernel.Floats RELU_BACKWARD = Kernel.floats(FILE, "relu_backward");
  private static final Kernel.Floats EPILOGUE = Kernel.floats(FILE, "epilogue");
  private static final ChannelPacks COLUMN_SUMS = ChannelPacks.of(FILE, "add_column_sums");
  private static final ChannelPacks ADD_AT_STRIDE = ChannelPacks.of(FILE, "add_at_stride");
  private static final Kernel.Floats SCALE_ROWS = Kernel.floats(FILE, "scale_rows");
  private static final Kernel.Floats ADD_SCALED_ROWS = Kernel.floats(FILE, "add_scaled_rows");

  /** Tensors that {@code scale_rows} takes: elementwise.cu has the same number. */
  private static final int MOST_SCALED = 100;

  /** Elements that a block of {@code scale_rows} has: likewise. */
  private static final long SCALED_PIECE = 8192;

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
    reluBackward(y, null, dy);
  }

  /**
   * Adds to a gradient, and sets the sum to 0 where the activation's output is not positive.
   *
   * @param y the output of a {@link Activation#RELU}
   * @param addend like y, or null
   * @param dy like y, overwritten
   */
  public void reluBackward(Tensor y, Tensor addend, Tensor dy) {
    call.of(RELU_BACKWARD.of(y.dtype()))
        .tensor(y)
        .tensor(addend)
        .output(dy)
        .i64(y.elementCount())
        .over(wide(y));
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
   * Adds a map to every so many pixels of a larger one: {@code y[n, i * stride, j * stride] += x[n,
   * i, j]}.
   *
   * @param x {@code [N,h,w,C]}, F32 or BF16
   * @param stride along both axes
   * @param y {@code [N,H,W,C]}, the type of x
   */
  public void addAtStride(Tensor x, int stride, Tensor y) {
    ChannelPacks.Choice choice = ADD_AT_STRIDE.choose(y, x);
    long count = x.elementCount() / choice.width();
    if (count == 0) {
      return;
    }
    call.of(choice.kernel())
        .tensor(x)
        .output(y)
        .i64(count)
        .divider(x.dim(3) / choice.width(), count)
        .divider(x.dim(2), count)
        .divider(x.dim(1), count)
        .i32(y.dim(1))
        .i32(y.dim(2))
        .i32(stride)
        .over(count);
  }

  /**
   * Rows that are multiplied by their factors, and converted.
   *
   * @param x F32 {@code [R, ...]}, fewer than 2^31 elements
   * @param scale F32 {@code [R]}, or null for 1
   * @param y like x, F32 or BF16
   */
  public record ScaledRows(Tensor x, Tensor scale, Tensor y) {}

  /**
   * Multiplies the rows of many tensors, by one kernel for up to {@value #MOST_SCALED} of a type.
   *
   * @param all which
   */
  public void scaleRows(List<ScaledRows> all) {
    for (DType type : List.of(DType.F32, DType.BF16)) {
      List<ScaledRows> rows =
          all.stream()
              .filter(each -> each.y().dtype() == type && each.x().elementCount() > 0)
              .toList();
      for (int first = 0; first < rows.size(); first += MOST_SCALED) {
        scaleSome(type, rows.subList(first, Math.min(rows.size(), first + MOST_SCALED)));
      }
    }
  }

  /** Queues one kernel; its arguments say where everything lies. */
  private void scaleSome(DType type, List<ScaledRows> rows) {
    call.of(SCALE_ROWS.of(type));
    long blocks = 0;
    for (ScaledRows each : rows) {
      long count = each.x().elementCount();
      call.tensor(each.x())
          .tensor(each.scale())
          .output(each.y())
          .i32(count)
          .i32(count / each.x().dim(0))
          .i32(blocks)
          .i32(0); // the structure is padded to a multiple of its pointers
      blocks += Math.ceilDiv(count, SCALED_PIECE);
    }
    for (int i = rows.size(); i < MOST_SCALED; i++) {
      call.tensor(null).tensor(null).tensor(null).i32(0).i32(0).i32(0).i32(0);
    }
    call.i64(rows.size()).blocks(blocks, KernelCall.THREADS);
  }

  /**
   * Multiplies each row by its factor and adds it to a row.
   *
   * @param x F32 or BF16 {@code [R, ...]}
   * @param scale F32 {@code [R]}, or null for 1
   * @param y F32 like x, added to
   */
  public void addScaledRows(Tensor x, Tensor scale, Tensor y) {
    long count = x.elementCount();
    if (count == 0) {
      return;
    }
    call.of(ADD_SCALED_ROWS.of(x.dtype()))
        .tensor(x)
        .tensor(scale)
        .output(y)
        .i64(count)
        .divider(count / x.dim(0), count)
        .over(count);
  }

  /** Returns how many pieces of 16 bytes a tensor has, rounded up. */
  private static long wide(Tensor tensor) {
    return (tensor.byteSize() + 15) / 16;
  }
}

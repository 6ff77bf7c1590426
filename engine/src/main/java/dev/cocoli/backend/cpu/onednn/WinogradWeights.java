package dev.cocoli.backend.cpu.onednn;

import static dev.cocoli.backend.cpu.onednn.OneDnnContext.check;
import static dev.cocoli.backend.cpu.onednn.WinogradMatrices.KERNEL;
import static dev.cocoli.backend.cpu.onednn.WinogradMatrices.PRODUCTS;
import static dev.cocoli.bindings.onednn.Dnnl.*;

import dev.cocoli.backend.Closing;
import dev.cocoli.tensor.Buffer;
import java.lang.foreign.MemorySegment;

/**
 * Weights {@code [O,3,3,I]} transformed for {@link WinogradConvolution}: {@code [36,I,O]} forward,
 * and backward, where the taps run in the other order, {@code [36,O,I]}.
 */
final class WinogradWeights implements PackedWeights.Form, AutoCloseable {
  /** Which convolution the weights are for. */
  enum Direction {
    FORWARD,
    BACKWARD_DATA
  }

  private record Shape(Direction direction, long out, long in) implements Identity {
    @Override
    public boolean isOf(PackedWeights.Form form) {
      return form instanceof WinogradWeights other && other.shape.equals(this);
    }

    @Override
    public void close() {
      // holds nothing
    }
  }

  private static final int TAPS = KERNEL * KERNEL;

  private final OneDnnContext context;
  private final MemorySegment matrix;
  private final Shape shape;
  private final long pairs;
  private final OneDnnPrimitive sort;
  private final OneDnnPrimitive transform;

  /**
   * Describes the conversion.
   *
   * @param context engine and stream
   * @param direction which convolution the weights are for
   * @param out O
   * @param in I
   * @param matrix {@code [36,9]}: G for this direction
   */
  WinogradWeights(
      OneDnnContext context, Direction direction, long out, long in, MemorySegment matrix) {
    this.context = context;
    this.matrix = matrix;
    shape = new Shape(direction, out, in);
    pairs = out * in;
    int sorted = direction == Direction.FORWARD ? dnnl_bca() : dnnl_bac();
    try (Descriptors descriptors = new Descriptors(context)) {
      transform =
          descriptors.matmul(
              descriptors.memory(dnnl_ab(), PRODUCTS, TAPS),
              descriptors.memory(dnnl_ab(), TAPS, pairs),
              descriptors.memory(dnnl_ab(), PRODUCTS, pairs),
              descriptors.attributes());
      check(
          "dnnl_reorder_primitive_desc_create",
          dnnl_reorder_primitive_desc_create(
              context.out(),
              descriptors.memory(dnnl_abc(), out, TAPS, in),
              context.engine(),
              descriptors.memory(sorted, out, TAPS, in),
              context.engine(),
              descriptors.attributes()));
      sort = new OneDnnPrimitive(context, context.result(), DNNL_ARG_FROM(), DNNL_ARG_TO());
      descriptors.keep();
    }
  }

  @Override
  public boolean isPlain() {
    return false;
  }

  @Override
  public long byteSize() {
    return PRODUCTS * pairs * Float.BYTES;
  }

  @Override
  public void pack(MemorySegment from, MemorySegment to) {
    try (Buffer sorted = context.pool().take(TAPS * pairs * Float.BYTES)) {
      sort.execute(from, sorted.segment());
      transform.execute(matrix, sorted.segment(), to);
    }
  }

  @Override
  public Identity identity() {
    return shape;
  }

  @Override
  public void close() {
    Closing.all(sort, transform);
  }
}

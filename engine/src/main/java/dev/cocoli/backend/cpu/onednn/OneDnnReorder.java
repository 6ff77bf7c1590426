package dev.cocoli.backend.cpu.onednn;

import static dev.cocoli.backend.cpu.onednn.OneDnnContext.check;
import static dev.cocoli.bindings.onednn.Dnnl.*;

import dev.cocoli.backend.PlanCache;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/** Conversions between F32 and BF16, and transposed matrices: each one oneDNN reorder. */
public final class OneDnnReorder implements AutoCloseable {
  private static final int CAPACITY = 128;

  private record Key(DType from, DType to, long outer, long rows, long columns) {}

  private final OneDnnContext context;
  private final PlanCache<Key, OneDnnPrimitive> plans = new PlanCache<>(CAPACITY);

  public OneDnnReorder(OneDnnContext context) {
    this.context = context;
  }

  /**
   * Converts all elements.
   *
   * @param x F32 or BF16, not empty
   * @param y like x, of the other type
   */
  public void convert(Tensor x, Tensor y) {
    plans
        .get(new Key(x.dtype(), y.dtype(), 1, 1, x.elementCount()), this::describe)
        .execute(x.segment(), y.segment());
  }

  /**
   * Transposes the last two axes of F32 {@code [outer, rows, columns]}. A loop in Java is as fast
   * once it is compiled, but the weights of a model are read before that.
   */
  public void transpose(MemorySegment from, long outer, long rows, long columns, MemorySegment to) {
    if (from.byteSize() > 0) {
      plans
          .get(new Key(DType.F32, DType.F32, outer, rows, columns), this::describe)
          .execute(from, to);
    }
  }

  private OneDnnPrimitive describe(Key key) {
    try (Descriptors descriptors = new Descriptors(context)) {
      // both have the extents of the source
      long[] extents = {key.outer, key.rows, key.columns};
      check(
          "dnnl_reorder_primitive_desc_create",
          dnnl_reorder_primitive_desc_create(
              context.out(),
              descriptors.memory(key.from, dnnl_abc(), extents),
              context.engine(),
              descriptors.memory(key.to, key.from == key.to ? dnnl_acb() : dnnl_abc(), extents),
              context.engine(),
              descriptors.attributes()));
      return new OneDnnPrimitive(context, context.result(), DNNL_ARG_FROM(), DNNL_ARG_TO());
    }
  }

  @Override
  public void close() {
    plans.close();
  }
}

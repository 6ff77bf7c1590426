package dev.cocoli.backend.cpu.onednn;

import static dev.cocoli.backend.cpu.onednn.OneDnnContext.check;
import static dev.cocoli.bindings.onednn.Dnnl.*;

import dev.cocoli.backend.PlanCache;
import java.lang.foreign.MemorySegment;

/**
 * Transposes the last two axes of fp32 {@code [outer, rows, columns]}: one oneDNN reorder. A loop
 * in Java is as fast once it is compiled, but the weights of a model are read before that.
 */
public final class OneDnnTranspose implements AutoCloseable {
  private static final int CAPACITY = 64;

  private record Key(long outer, long rows, long columns) {}

  private final OneDnnContext context;
  private final PlanCache<Key, OneDnnPrimitive> plans = new PlanCache<>(CAPACITY);

  public OneDnnTranspose(OneDnnContext context) {
    this.context = context;
  }

  /** See {@link dev.cocoli.backend.Backend#uploadTransposed}. */
  public void transpose(MemorySegment from, long outer, long rows, long columns, MemorySegment to) {
    if (from.byteSize() > 0) {
      plans.get(new Key(outer, rows, columns), this::describe).execute(from, to);
    }
  }

  private OneDnnPrimitive describe(Key key) {
    try (Descriptors descriptors = new Descriptors(context)) {
      // both have the extents of the source
      check(
          "dnnl_reorder_primitive_desc_create",
          dnnl_reorder_primitive_desc_create(
              context.out(),
              descriptors.memory(dnnl_abc(), key.outer, key.rows, key.columns),
              context.engine(),
              descriptors.memory(dnnl_acb(), key.outer, key.rows, key.columns),
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

package dev.cocoli.backend.cpu.onednn;

import static dev.cocoli.backend.cpu.onednn.OneDnnContext.check;
import static dev.cocoli.bindings.onednn.Dnnl.*;

import dev.cocoli.backend.PlanCache;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;

/** Conversion between F32 and BF16: one oneDNN reorder over all elements. */
public final class OneDnnCast implements AutoCloseable {
  private static final int CAPACITY = 64;

  private record Key(DType from, DType to, long elements) {}

  private final OneDnnContext context;
  private final PlanCache<Key, OneDnnPrimitive> plans = new PlanCache<>(CAPACITY);

  public OneDnnCast(OneDnnContext context) {
    this.context = context;
  }

  /** See {@link dev.cocoli.backend.Backend#cast}. */
  public void cast(Tensor x, Tensor y) {
    if (x.elementCount() == 0) {
      return;
    }
    plans
        .get(new Key(x.dtype(), y.dtype(), x.elementCount()), this::describe)
        .execute(x.segment(), y.segment());
  }

  private OneDnnPrimitive describe(Key key) {
    try (Descriptors descriptors = new Descriptors(context)) {
      check(
          "dnnl_reorder_primitive_desc_create",
          dnnl_reorder_primitive_desc_create(
              context.out(),
              descriptors.memory(key.from, dnnl_a(), key.elements),
              context.engine(),
              descriptors.memory(key.to, dnnl_a(), key.elements),
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

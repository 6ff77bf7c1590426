package dev.cocoli.backend.cpu.onednn;

import static dev.cocoli.backend.cpu.onednn.OneDnnContext.check;
import static dev.cocoli.bindings.onednn.Dnnl.*;

import dev.cocoli.backend.PlanCache;
import dev.cocoli.backend.primitives.Elementwise;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/** What is done to each element of whole maps: one oneDNN primitive over all of them. */
public final class OneDnnElementwise implements Elementwise, AutoCloseable {
  private static final int CAPACITY = 256;

  private record Key(DType type, long elements) {
    static Key of(Tensor x) {
      return new Key(x.dtype(), x.elementCount());
    }
  }

  private final OneDnnContext context;
  private final PlanCache<Key, OneDnnPrimitive> sums = new PlanCache<>(CAPACITY);
  private final PlanCache<Key, OneDnnPrimitive> masks = new PlanCache<>(CAPACITY);

  public OneDnnElementwise(OneDnnContext context) {
    this.context = context;
  }

  @Override
  public void add(Tensor a, Tensor b, Tensor y) {
    if (y.elementCount() > 0) {
      sums.get(Key.of(y), this::describeSum).execute(a.segment(), b.segment(), y.segment());
      y.buffer().markWritten();
    }
  }

  @Override
  public void reluBackward(Tensor y, Tensor dy) {
    if (dy.elementCount() > 0) {
      reluBackward(dy.dtype(), dy.elementCount(), y.segment(), dy.segment());
      dy.buffer().markWritten();
    }
  }

  /**
   * The same on a part of tensors.
   *
   * @param type the elements
   * @param elements how many, at least one
   * @param y the output
   * @param dy the gradient, overwritten
   */
  public void reluBackward(DType type, long elements, MemorySegment y, MemorySegment dy) {
    masks.get(new Key(type, elements), this::describeMask).execute(y, dy, dy);
  }

  private OneDnnPrimitive describeSum(Key key) {
    try (Descriptors descriptors = new Descriptors(context)) {
      MemorySegment all = descriptors.memory(key.type, dnnl_a(), key.elements);
      check(
          "dnnl_binary_primitive_desc_create",
          dnnl_binary_primitive_desc_create(
              context.out(),
              context.engine(),
              dnnl_binary_add(),
              all,
              all,
              all,
              descriptors.attributes()));
      return new OneDnnPrimitive(
          context, context.result(), DNNL_ARG_SRC_0(), DNNL_ARG_SRC_1(), DNNL_ARG_DST());
    }
  }

  private OneDnnPrimitive describeMask(Key key) {
    try (Descriptors descriptors = new Descriptors(context)) {
      MemorySegment all = descriptors.memory(key.type, dnnl_a(), key.elements);
      check(
          "dnnl_eltwise_forward_primitive_desc_create",
          dnnl_eltwise_forward_primitive_desc_create(
              context.out(),
              context.engine(),
              dnnl_forward_training(),
              dnnl_eltwise_relu_use_dst_for_bwd(),
              all,
              all,
              0,
              0,
              descriptors.attributes()));
      MemorySegment hint = descriptors.hint(context.result());
      check(
          "dnnl_eltwise_backward_primitive_desc_create",
          dnnl_eltwise_backward_primitive_desc_create(
              context.out(),
              context.engine(),
              dnnl_eltwise_relu_use_dst_for_bwd(),
              all,
              all,
              all,
              0,
              0,
              hint,
              descriptors.attributes()));
      return new OneDnnPrimitive(
          context, context.result(), DNNL_ARG_DST(), DNNL_ARG_DIFF_DST(), DNNL_ARG_DIFF_SRC());
    }
  }

  @Override
  public void close() {
    sums.close();
    masks.close();
  }
}

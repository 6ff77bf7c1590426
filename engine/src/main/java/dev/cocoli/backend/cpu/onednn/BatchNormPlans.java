package dev.cocoli.backend.cpu.onednn;

import static dev.cocoli.backend.cpu.onednn.OneDnnContext.check;
import static dev.cocoli.bindings.onednn.Dnnl.*;

import dev.cocoli.backend.PlanCache;
import dev.cocoli.tensor.DType;
import java.lang.foreign.MemorySegment;

/** The oneDNN primitives of {@link OneDnnBatchNorm}, over rows of channels. */
final class BatchNormPlans implements AutoCloseable {
  private static final int CAPACITY = 256;

  /**
   * What a primitive goes over.
   *
   * @param type of the maps; values by channel are F32
   * @param rows how many
   * @param channels of each
   */
  record Key(DType type, long rows, long channels) {}

  private record Tail(Key key, boolean relu, boolean residual) {}

  private final OneDnnContext context;
  private final PlanCache<Key, OneDnnPrimitive> moments = new PlanCache<>(CAPACITY);
  private final PlanCache<Tail, OneDnnPrimitive> tails = new PlanCache<>(CAPACITY);
  private final PlanCache<Key, OneDnnPrimitive> sums = new PlanCache<>(CAPACITY);
  private final PlanCache<Key, OneDnnPrimitive> combinations = new PlanCache<>(CAPACITY);

  BatchNormPlans(OneDnnContext context) {
    this.context = context;
  }

  /**
   * Writes mean and variance of each channel.
   *
   * @param unused overwritten, like x
   */
  void moments(
      Key key, MemorySegment x, MemorySegment mean, MemorySegment variance, MemorySegment unused) {
    moments.get(key, this::describeMoments).execute(x, mean, variance, unused);
  }

  /**
   * Writes {@code y = activation(x * factor + addend + residual)}.
   *
   * @param residual like x, or null
   */
  void apply(
      Key key,
      boolean relu,
      MemorySegment x,
      MemorySegment factor,
      MemorySegment addend,
      MemorySegment residual,
      MemorySegment y) {
    OneDnnPrimitive plan = tails.get(new Tail(key, relu, residual != null), this::describeTail);
    if (residual == null) {
      plan.execute(x, factor, y, addend);
    } else {
      plan.execute(x, factor, y, addend, residual);
    }
  }

  /**
   * Writes sums of dy and of {@code dy (x - mean)} by channel.
   *
   * @param ones 1 for each channel
   * @param unused overwritten, like x
   */
  void gradientSums(
      Key key,
      MemorySegment x,
      MemorySegment mean,
      MemorySegment ones,
      MemorySegment dy,
      MemorySegment unused,
      MemorySegment products,
      MemorySegment sum) {
    sums.get(key, this::describeSums).execute(x, mean, ones, ones, dy, unused, products, sum);
  }

  /** Writes {@code dx = (x * slope + constant + dy) * scale}. */
  void combine(
      Key key,
      MemorySegment x,
      MemorySegment slope,
      MemorySegment constant,
      MemorySegment dy,
      MemorySegment scale,
      MemorySegment dx) {
    combinations.get(key, this::describeCombination).execute(x, slope, dx, constant, dy, scale);
  }

  private OneDnnPrimitive describeMoments(Key key) {
    try (Descriptors descriptors = new Descriptors(context)) {
      return new OneDnnPrimitive(
          context,
          forward(descriptors, key, 0),
          DNNL_ARG_SRC(),
          DNNL_ARG_MEAN(),
          DNNL_ARG_VARIANCE(),
          DNNL_ARG_DST());
    }
  }

  private MemorySegment forward(Descriptors descriptors, Key key, int flags) {
    MemorySegment map = map(descriptors, key);
    check(
        "dnnl_batch_normalization_forward_primitive_desc_create",
        dnnl_batch_normalization_forward_primitive_desc_create(
            context.out(),
            context.engine(),
            dnnl_forward_training(),
            map,
            map,
            0,
            flags,
            descriptors.attributes()));
    return context.result();
  }

  private OneDnnPrimitive describeSums(Key key) {
    int flags = dnnl_use_scale() | dnnl_use_shift();
    try (Descriptors descriptors = new Descriptors(context)) {
      MemorySegment map = map(descriptors, key);
      MemorySegment hint = descriptors.hint(forward(descriptors, key, flags));
      // with a variance of 1 and nothing added to it the gradient of the scale is the sum wanted
      check(
          "dnnl_batch_normalization_backward_primitive_desc_create",
          dnnl_batch_normalization_backward_primitive_desc_create(
              context.out(),
              context.engine(),
              dnnl_backward(),
              map,
              map,
              map,
              0,
              flags,
              hint,
              descriptors.attributes()));
      return new OneDnnPrimitive(
          context,
          context.result(),
          DNNL_ARG_SRC(),
          DNNL_ARG_MEAN(),
          DNNL_ARG_VARIANCE(),
          DNNL_ARG_SCALE(),
          DNNL_ARG_DIFF_DST(),
          DNNL_ARG_DIFF_SRC(),
          DNNL_ARG_DIFF_SCALE(),
          DNNL_ARG_DIFF_SHIFT());
    }
  }

  private OneDnnPrimitive describeTail(Tail tail) {
    try (Descriptors descriptors = new Descriptors(context)) {
      MemorySegment operations = descriptors.postOperations();
      descriptors.append(operations, dnnl_binary_add(), row(descriptors, tail.key));
      if (tail.residual) {
        descriptors.append(operations, dnnl_binary_add(), map(descriptors, tail.key));
      }
      if (tail.relu) {
        descriptors.appendRelu(operations);
      }
      return scaled(descriptors, tail.key, operations, tail.residual ? 2 : 1);
    }
  }

  private OneDnnPrimitive describeCombination(Key key) {
    try (Descriptors descriptors = new Descriptors(context)) {
      MemorySegment operations = descriptors.postOperations();
      descriptors.append(operations, dnnl_binary_add(), row(descriptors, key));
      descriptors.append(operations, dnnl_binary_add(), map(descriptors, key));
      descriptors.append(operations, dnnl_binary_mul(), row(descriptors, key));
      return scaled(descriptors, key, operations, 3);
    }
  }

  /** A product of each row with one, then other operations with operands of their own. */
  private OneDnnPrimitive scaled(
      Descriptors descriptors, Key key, MemorySegment operations, int operands) {
    MemorySegment attributes = descriptors.attributes();
    descriptors.setPostOperations(attributes, operations);
    MemorySegment map = map(descriptors, key);
    check(
        "dnnl_binary_primitive_desc_create",
        dnnl_binary_primitive_desc_create(
            context.out(),
            context.engine(),
            dnnl_binary_mul(),
            map,
            row(descriptors, key),
            map,
            attributes));
    int[] arguments = new int[3 + operands];
    arguments[0] = DNNL_ARG_SRC_0();
    arguments[1] = DNNL_ARG_SRC_1();
    arguments[2] = DNNL_ARG_DST();
    for (int i = 0; i < operands; i++) {
      arguments[3 + i] = DNNL_ARG_ATTR_MULTIPLE_POST_OP_BASE() * (i + 1) | DNNL_ARG_SRC_1();
    }
    return new OneDnnPrimitive(context, context.result(), arguments);
  }

  private static MemorySegment map(Descriptors descriptors, Key key) {
    return descriptors.memory(key.type, dnnl_nhwc(), 1, key.channels, key.rows, 1);
  }

  private static MemorySegment row(Descriptors descriptors, Key key) {
    return descriptors.memory(dnnl_nhwc(), 1, key.channels, 1, 1);
  }

  @Override
  public void close() {
    moments.close();
    tails.close();
    sums.close();
    combinations.close();
  }
}

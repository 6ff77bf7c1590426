package dev.cocoli.backend.cpu.onednn;

import static dev.cocoli.backend.cpu.onednn.OneDnnContext.check;
import static dev.cocoli.bindings.onednn.Dnnl.*;

import dev.cocoli.backend.PlanCache;
import dev.cocoli.tensor.Buffer;
import dev.cocoli.tensor.DType;
import java.lang.foreign.MemorySegment;

/**
 * A convolution's gradient by its weights, added to what is there. oneDNN has a fast primitive for
 * it on {@code [N,H,W,C]} only with AVX-512. With AVX2 that layout falls to an implementation of a
 * tenth of the speed (11 GFLOP/s on the 3x3 of the finest map), and converting to oneDNN's own
 * layout and back costs more than gathering the windows and multiplying matrices (40 to 55 against
 * 55 to 78 GFLOP/s a core). A pointwise convolution is a product of matrices as it stands.
 */
public final class OneDnnWeightGradient implements AutoCloseable {
  private static final int CAPACITY = 512;

  /** Bytes of windows gathered at a time: they stay in the last cache, and threads seldom meet. */
  private static final long WINDOW_BYTES = 8L << 20;

  /** How the gradient of windows larger than a pixel is computed. */
  enum Method {
    /** oneDNN's primitive. */
    CONVOLUTION,
    /** Windows gathered into rows, times the output's gradient. */
    PRODUCT
  }

  private record Plan(OneDnnPrimitive primitive, WeightLayout layout) implements AutoCloseable {
    @Override
    public void close() {
      primitive.close();
    }
  }

  private final OneDnnContext context;
  private final OneDnnMatmul matmul;
  private final WindowLoops windows;
  private final Method method;
  private final PlanCache<ConvolutionShape, Plan> plans = new PlanCache<>(CAPACITY);

  /**
   * Makes an empty cache of plans.
   *
   * @param context engine and stream
   * @param matmul products of matrices
   * @param windows gathers windows
   * @param method how; {@link #fastest} on this processor
   */
  public OneDnnWeightGradient(
      OneDnnContext context, OneDnnMatmul matmul, WindowLoops windows, Method method) {
    this.context = context;
    this.matmul = matmul;
    this.windows = windows;
    this.method = method;
  }

  /**
   * {@return the method for this processor}
   *
   * @param context knows the processor
   */
  public static Method fastest(OneDnnContext context) {
    return context.hasAvx512() ? Method.CONVOLUTION : Method.PRODUCT;
  }

  /**
   * Adds the gradient.
   *
   * @param shape of the convolution; not empty
   * @param x the input
   * @param dy the output's gradient
   * @param dWeight F32, added to
   */
  void accumulate(
      ConvolutionShape shape, MemorySegment x, MemorySegment dy, MemorySegment dWeight) {
    if (shape.isPointwise()) {
      matmul.addTransposedTimes(
          shape.type(), dy, x, dWeight, shape.outPixels(), shape.out(), shape.in());
    } else if (method == Method.PRODUCT && shape.type() == DType.F32) {
      multiplyWindows(shape, x, dy, dWeight);
    } else {
      convolve(shape, x, dy, dWeight);
    }
  }

  private void multiplyWindows(
      ConvolutionShape shape, MemorySegment x, MemorySegment dy, MemorySegment dWeight) {
    long rowBytes = shape.windowElements() * Float.BYTES;
    long outBytes = shape.out() * Float.BYTES;
    long pixels = shape.outPixels();
    long batch = Math.clamp(WINDOW_BYTES / rowBytes, 1, pixels);
    try (Buffer room = context.pool().take(batch * rowBytes)) {
      for (long first = 0; first < pixels; first += batch) {
        long count = Math.min(batch, pixels - first);
        windows.gather(shape, x, first, count, room.segment());
        MemorySegment gradient = dy.asSlice(first * outBytes, count * outBytes);
        matmul.addTransposedTimes(
            DType.F32,
            gradient,
            room.segment(),
            dWeight,
            count,
            shape.out(),
            shape.windowElements());
      }
    }
  }

  private void convolve(
      ConvolutionShape shape, MemorySegment x, MemorySegment dy, MemorySegment dWeight) {
    Plan plan = plans.get(shape, this::describe);
    try (Buffer fresh = context.pool().take(plan.layout.byteSize())) {
      plan.primitive.execute(x, dy, fresh.segment());
      plan.layout.addUnpacked(fresh.segment(), dWeight);
    }
  }

  private Plan describe(ConvolutionShape shape) {
    try (Descriptors descriptors = new Descriptors(context)) {
      check(
          "dnnl_convolution_backward_weights_primitive_desc_create",
          dnnl_convolution_backward_weights_primitive_desc_create(
              context.out(),
              context.engine(),
              dnnl_convolution_direct(),
              shape.input(descriptors, dnnl_nhwc()),
              shape.weightGradient(descriptors),
              MemorySegment.NULL,
              shape.output(descriptors, dnnl_nhwc()),
              shape.strides(descriptors),
              shape.dilations(descriptors),
              shape.paddings(descriptors),
              shape.paddings(descriptors),
              shape.forwardHint(context, descriptors, dnnl_nhwc()),
              descriptors.attributes()));
      OneDnnPrimitive primitive =
          new OneDnnPrimitive(
              context,
              context.result(),
              DNNL_ARG_SRC(),
              DNNL_ARG_DIFF_DST(),
              DNNL_ARG_DIFF_WEIGHTS());
      return new Plan(
          primitive,
          context.weightLayout(
              shape.plainWeight(descriptors), primitive.descriptor(DNNL_ARG_DIFF_WEIGHTS())));
    }
  }

  @Override
  public void close() {
    plans.close();
  }
}

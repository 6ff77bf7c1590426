package dev.cocoli.backend.cpu.onednn;

import static dev.cocoli.backend.cpu.onednn.OneDnnContext.check;
import static dev.cocoli.bindings.onednn.Dnnl.*;

import dev.cocoli.backend.PlanCache;
import dev.cocoli.backend.primitives.Pooling;
import dev.cocoli.backend.spec.Pool2dSpec;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/**
 * Maximum over windows of {@code [N,H,W,C]}. oneDNN's workspace is the argmax that the interface
 * asks for: the winner's place in the window, a byte each, in the output's layout.
 */
public final class OneDnnPooling implements Pooling, AutoCloseable {
  private static final int CAPACITY = 64;

  private enum Pass {
    FORWARD,
    FORWARD_WITH_ARGMAX,
    BACKWARD
  }

  private record Key(
      Pass pass,
      DType type,
      Pool2dSpec spec,
      long images,
      long height,
      long width,
      long channels,
      long outHeight,
      long outWidth) {}

  private final OneDnnContext context;
  private final PlanCache<Key, OneDnnPrimitive> plans = new PlanCache<>(CAPACITY);

  public OneDnnPooling(OneDnnContext context) {
    this.context = context;
  }

  private static Key key(Pass pass, Pool2dSpec spec, Tensor x, Tensor y) {
    return new Key(
        pass, x.dtype(), spec, x.dim(0), x.dim(1), x.dim(2), x.dim(3), y.dim(1), y.dim(2));
  }

  @Override
  public void maxPool2d(Pool2dSpec spec, Tensor x, Tensor y, Tensor argmax) {
    if (y.elementCount() == 0) {
      return;
    }
    y.buffer().markWritten();
    if (argmax == null) {
      plans
          .get(key(Pass.FORWARD, spec, x, y), this::describeForward)
          .execute(x.segment(), y.segment());
    } else {
      argmax.buffer().markWritten();
      plans
          .get(key(Pass.FORWARD_WITH_ARGMAX, spec, x, y), this::describeForward)
          .execute(x.segment(), y.segment(), argmax.segment());
    }
  }

  @Override
  public void maxPool2dBackward(Pool2dSpec spec, Tensor dy, Tensor argmax, Tensor dx) {
    dx.buffer().markWritten();
    if (dy.elementCount() == 0) {
      dx.segment().fill((byte) 0);
      return;
    }
    plans
        .get(key(Pass.BACKWARD, spec, dx, dy), this::describeBackward)
        .execute(dy.segment(), argmax.segment(), dx.segment());
  }

  private OneDnnPrimitive describeForward(Key key) {
    try (Descriptors descriptors = new Descriptors(context)) {
      MemorySegment description = describe(descriptors, key);
      if (key.pass == Pass.FORWARD) {
        return new OneDnnPrimitive(context, description, DNNL_ARG_SRC(), DNNL_ARG_DST());
      }
      OneDnnPrimitive primitive =
          new OneDnnPrimitive(
              context, description, DNNL_ARG_SRC(), DNNL_ARG_DST(), DNNL_ARG_WORKSPACE());
      checkWorkspace(descriptors, key, primitive);
      return primitive;
    }
  }

  private OneDnnPrimitive describeBackward(Key key) {
    try (Descriptors descriptors = new Descriptors(context)) {
      MemorySegment hint = descriptors.hint(describe(descriptors, key));
      check(
          "dnnl_pooling_backward_primitive_desc_create",
          dnnl_pooling_backward_primitive_desc_create(
              context.out(),
              context.engine(),
              dnnl_pooling_max(),
              input(descriptors, key),
              output(descriptors, key),
              descriptors.longs(key.spec.stride(), key.spec.stride()),
              descriptors.longs(key.spec.kernel(), key.spec.kernel()),
              descriptors.longs(0, 0),
              descriptors.longs(key.spec.padding(), key.spec.padding()),
              descriptors.longs(key.spec.padding(), key.spec.padding()),
              hint,
              descriptors.attributes()));
      OneDnnPrimitive primitive =
          new OneDnnPrimitive(
              context,
              context.result(),
              DNNL_ARG_DIFF_DST(),
              DNNL_ARG_WORKSPACE(),
              DNNL_ARG_DIFF_SRC());
      checkWorkspace(descriptors, key, primitive);
      return primitive;
    }
  }

  private MemorySegment describe(Descriptors descriptors, Key key) {
    check(
        "dnnl_pooling_forward_primitive_desc_create",
        dnnl_pooling_forward_primitive_desc_create(
            context.out(),
            context.engine(),
            key.pass == Pass.FORWARD ? dnnl_forward_inference() : dnnl_forward_training(),
            dnnl_pooling_max(),
            input(descriptors, key),
            output(descriptors, key),
            descriptors.longs(key.spec.stride(), key.spec.stride()),
            descriptors.longs(key.spec.kernel(), key.spec.kernel()),
            descriptors.longs(0, 0),
            descriptors.longs(key.spec.padding(), key.spec.padding()),
            descriptors.longs(key.spec.padding(), key.spec.padding()),
            descriptors.attributes()));
    return context.result();
  }

  private static MemorySegment input(Descriptors descriptors, Key key) {
    return descriptors.memory(
        key.type, dnnl_nhwc(), key.images, key.channels, key.height, key.width);
  }

  private static MemorySegment output(Descriptors descriptors, Key key) {
    return descriptors.memory(
        key.type, dnnl_nhwc(), key.images, key.channels, key.outHeight, key.outWidth);
  }

  private static void checkWorkspace(Descriptors descriptors, Key key, OneDnnPrimitive primitive) {
    MemorySegment bytes =
        descriptors.typed(
            dnnl_u8(), dnnl_nhwc(), key.images, key.channels, key.outHeight, key.outWidth);
    if (dnnl_memory_desc_equal(bytes, primitive.descriptor(DNNL_ARG_WORKSPACE())) == 0) {
      String implementation = primitive.implementation();
      primitive.close();
      throw new IllegalStateException(
          "oneDNN's pooling "
              + implementation
              + " does not remember winners as bytes; use the oneDNN that comes with Cocoli");
    }
  }

  @Override
  public void close() {
    plans.close();
  }
}

package dev.cocoli.backend.cpu.onednn;

import static dev.cocoli.backend.cpu.onednn.OneDnnContext.check;
import static dev.cocoli.bindings.onednn.Dnnl.*;

import dev.cocoli.backend.Closing;
import dev.cocoli.backend.PlanCache;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.backend.cpu.loops.ElementwiseLoops;
import dev.cocoli.backend.cpu.onednn.ConvolutionShape.Residual;
import dev.cocoli.backend.cpu.onednn.ConvolutionShape.Tail;
import dev.cocoli.backend.cpu.onednn.WinogradWeights.Direction;
import dev.cocoli.backend.primitives.Convolutions;
import dev.cocoli.backend.primitives.GradientSums;
import dev.cocoli.backend.spec.Activation;
import dev.cocoli.backend.spec.Conv2dSpec;
import dev.cocoli.tensor.Buffer;
import dev.cocoli.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/**
 * Convolution and its gradient by the input, each one oneDNN primitive on activations {@code
 * [N,H,W,C]}; the gradient by the weights is {@link OneDnnWeightGradient}'s. Where that is faster,
 * {@link WinogradConvolution} computes all three. The scale of the output's channels is part of the
 * packed weights, which have the input's type.
 */
public final class OneDnnConvolution implements Convolutions, AutoCloseable {
  /** Shapes times layers: a detector has about seventy kinds of layer. */
  private static final int CAPACITY = 1024;

  private record ForwardKey(ConvolutionShape shape, Tail tail) {}

  private record Plan(OneDnnPrimitive primitive, WeightLayout layout) implements AutoCloseable {
    @Override
    public void close() {
      primitive.close();
    }
  }

  private final OneDnnContext context;
  private final PackedWeights weights;
  private final WinogradConvolution winograd;
  private final OneDnnWeightGradient weightGradient;
  private final ElementwiseLoops loops;
  private final OneDnnElementwise elementwise;
  private final PlanCache<ForwardKey, Plan> forward = new PlanCache<>(CAPACITY);
  private final PlanCache<ConvolutionShape, Plan> backward = new PlanCache<>(CAPACITY);

  /**
   * Makes empty caches of plans.
   *
   * @param context engine and stream
   * @param weights packs them
   * @param winograd computes those that suit it; closed with this
   * @param weightGradient the gradient by the weights; closed with this
   * @param loops adds rows
   * @param elementwise adds maps
   */
  public OneDnnConvolution(
      OneDnnContext context,
      PackedWeights weights,
      WinogradConvolution winograd,
      OneDnnWeightGradient weightGradient,
      ElementwiseLoops loops,
      OneDnnElementwise elementwise) {
    this.context = context;
    this.weights = weights;
    this.winograd = winograd;
    this.weightGradient = weightGradient;
    this.loops = loops;
    this.elementwise = elementwise;
  }

  @Override
  public void conv2d(
      Conv2dSpec spec,
      Tensor x,
      Tensor weight,
      Tensor scale,
      Tensor shift,
      Tensor residual,
      Tensor y) {
    ConvolutionShape shape = ConvolutionShape.of(spec, x, y);
    if (shape.isEmpty()) {
      return;
    }
    y.buffer().markWritten();
    if (winograd.suits(shape)) {
      PackedWeights.Form form = winograd.weights(shape, Direction.FORWARD);
      try (PackedWeights.Lease packed = weights.take(weight, scale, form)) {
        winograd.forward(
            shape,
            x.segment(),
            packed.segment(),
            shift == null ? null : shift.segment(),
            residual == null ? null : residual.segment(),
            spec.activation(),
            y.segment());
      }
      return;
    }
    Residual how =
        residual == null
            ? Residual.NONE
            : residual.segment().address() == y.segment().address()
                ? Residual.IN_PLACE
                : Residual.SEPARATE;
    Tail tail = new Tail(shift != null, how, spec.activation());
    Plan plan = forward.get(new ForwardKey(shape, tail), this::describeForward);
    try (PackedWeights.Lease packed = weights.take(weight, scale, plan.layout)) {
      MemorySegment in = x.segment();
      MemorySegment out = y.segment();
      if (shift != null && how == Residual.SEPARATE) {
        plan.primitive.execute(in, packed.segment(), out, shift.segment(), residual.segment());
      } else if (shift != null) {
        plan.primitive.execute(in, packed.segment(), out, shift.segment());
      } else if (how == Residual.SEPARATE) {
        plan.primitive.execute(in, packed.segment(), out, residual.segment());
      } else {
        plan.primitive.execute(in, packed.segment(), out);
      }
    }
  }

  private Plan describeForward(ForwardKey key) {
    ConvolutionShape shape = key.shape;
    try (Descriptors descriptors = new Descriptors(context)) {
      MemorySegment attributes = descriptors.attributes();
      MemorySegment operations = descriptors.postOperations();
      if (key.tail.residual() == Residual.SEPARATE) {
        descriptors.append(operations, dnnl_binary_add(), shape.output(descriptors, dnnl_nhwc()));
      } else if (key.tail.residual() == Residual.IN_PLACE) {
        descriptors.appendSum(operations);
      }
      if (key.tail.activation() == Activation.RELU) {
        descriptors.appendRelu(operations);
      }
      descriptors.setPostOperations(attributes, operations);
      check(
          "dnnl_convolution_forward_primitive_desc_create",
          dnnl_convolution_forward_primitive_desc_create(
              context.out(),
              context.engine(),
              dnnl_forward_inference(),
              dnnl_convolution_direct(),
              shape.input(descriptors, dnnl_nhwc()),
              shape.weight(descriptors),
              key.tail.shift() ? descriptors.memory(dnnl_a(), shape.out()) : MemorySegment.NULL,
              shape.output(descriptors, dnnl_nhwc()),
              shape.strides(descriptors),
              shape.dilations(descriptors),
              shape.paddings(descriptors),
              shape.paddings(descriptors),
              attributes));
      return plan(descriptors, shape, context.result(), forwardArguments(key.tail));
    }
  }

  private static int[] forwardArguments(Tail tail) {
    int residual = DNNL_ARG_ATTR_MULTIPLE_POST_OP_BASE() | DNNL_ARG_SRC_1();
    boolean separate = tail.residual() == Residual.SEPARATE;
    if (tail.shift()) {
      return separate
          ? new int[] {
            DNNL_ARG_SRC(), DNNL_ARG_WEIGHTS(), DNNL_ARG_DST(), DNNL_ARG_BIAS(), residual
          }
          : new int[] {DNNL_ARG_SRC(), DNNL_ARG_WEIGHTS(), DNNL_ARG_DST(), DNNL_ARG_BIAS()};
    }
    return separate
        ? new int[] {DNNL_ARG_SRC(), DNNL_ARG_WEIGHTS(), DNNL_ARG_DST(), residual}
        : new int[] {DNNL_ARG_SRC(), DNNL_ARG_WEIGHTS(), DNNL_ARG_DST()};
  }

  @Override
  public boolean conv2dBackwardData(
      Conv2dSpec spec,
      Tensor dy,
      Tensor weight,
      Tensor scale,
      Tensor addend,
      Tensor activated,
      GradientSums sums,
      Tensor dx) {
    backwardData(spec, dy, weight, scale, addend, dx);
    if (activated != null) {
      // oneDNN fuses nothing after this gradient
      elementwise.reluBackward(activated, dx);
    }
    return false;
  }

  @Override
  public boolean sumsInPassing() {
    return false;
  }

  private void backwardData(
      Conv2dSpec spec, Tensor dy, Tensor weight, Tensor scale, Tensor addend, Tensor dx) {
    ConvolutionShape shape = ConvolutionShape.of(spec, dx, dy);
    if (winograd.suits(shape) && !shape.isEmpty()) {
      dx.buffer().markWritten();
      PackedWeights.Form form = winograd.weights(shape, Direction.BACKWARD_DATA);
      try (PackedWeights.Lease packed = weights.take(weight, scale, form)) {
        MemorySegment added = addend == null ? null : addend.segment();
        winograd.backwardData(shape, dy.segment(), packed.segment(), added, dx.segment());
      }
      return;
    }
    if (addend != null && addend.segment().address() != dx.segment().address()) {
      backwardData(spec, dy, weight, scale, null, dx);
      elementwise.add(dx, addend, dx);
      return;
    }
    if (addend != null) {
      try (TensorScope scope = new TensorScope(context.pool())) {
        Tensor product = scope.allocate(dx.dtype(), dx.shape());
        backwardData(spec, dy, weight, scale, null, product);
        elementwise.add(product, addend, dx);
      }
      return;
    }
    dx.buffer().markWritten();
    if (shape.isEmpty()) {
      dx.segment().fill((byte) 0);
      return;
    }
    Plan plan = backward.get(shape, this::describeBackward);
    try (PackedWeights.Lease packed = weights.take(weight, scale, plan.layout)) {
      plan.primitive.execute(dy.segment(), packed.segment(), dx.segment());
    }
  }

  private Plan describeBackward(ConvolutionShape shape) {
    try (Descriptors descriptors = new Descriptors(context)) {
      check(
          "dnnl_convolution_backward_data_primitive_desc_create",
          dnnl_convolution_backward_data_primitive_desc_create(
              context.out(),
              context.engine(),
              dnnl_convolution_direct(),
              shape.input(descriptors, dnnl_nhwc()),
              shape.weight(descriptors),
              shape.output(descriptors, dnnl_nhwc()),
              shape.strides(descriptors),
              shape.dilations(descriptors),
              shape.paddings(descriptors),
              shape.paddings(descriptors),
              shape.forwardHint(context, descriptors, dnnl_nhwc()),
              descriptors.attributes()));
      return plan(
          descriptors,
          shape,
          context.result(),
          DNNL_ARG_DIFF_DST(),
          DNNL_ARG_WEIGHTS(),
          DNNL_ARG_DIFF_SRC());
    }
  }

  @Override
  public void conv2dBackwardWeight(
      Conv2dSpec spec, Tensor x, Tensor dy, Tensor scale, Tensor dWeight, Tensor dShift) {
    ConvolutionShape shape = ConvolutionShape.of(spec, x, dy);
    if (shape.isEmpty()) {
      return;
    }
    if (dShift != null) {
      loops.addColumnSums(dy, dShift);
    }
    dWeight.buffer().markWritten();
    if (scale == null) {
      accumulate(shape, x.segment(), dy.segment(), dWeight.segment());
      return;
    }
    try (Buffer unscaled = context.pool().take(dWeight.byteSize())) {
      unscaled.segment().fill((byte) 0);
      accumulate(shape, x.segment(), dy.segment(), unscaled.segment());
      loops.addScaledRows(unscaled.segment(), scale, dWeight.segment());
    }
  }

  private void accumulate(
      ConvolutionShape shape, MemorySegment x, MemorySegment dy, MemorySegment dWeight) {
    if (winograd.suits(shape)) {
      winograd.backwardWeight(shape, x, dy, dWeight);
    } else {
      weightGradient.accumulate(shape, x, dy, dWeight);
    }
  }

  private Plan plan(
      Descriptors descriptors,
      ConvolutionShape shape,
      MemorySegment primitiveDescriptor,
      int... arguments) {
    OneDnnPrimitive primitive = new OneDnnPrimitive(context, primitiveDescriptor, arguments);
    MemorySegment plain = shape.plainWeight(descriptors);
    return new Plan(
        primitive, context.weightLayout(plain, primitive.descriptor(DNNL_ARG_WEIGHTS())));
  }

  /** {@return what computes the convolutions that suit it, for tests} */
  public WinogradConvolution winograd() {
    return winograd;
  }

  /** {@return how many plans are kept} */
  int planCount() {
    return forward.size() + backward.size() + winograd.planCount();
  }

  @Override
  public void close() {
    Closing.all(forward, backward, winograd, weightGradient);
  }
}

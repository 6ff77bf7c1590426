package dev.cocoli.backend.cuda.cudnn;

import dev.cocoli.backend.BufferPool;
import dev.cocoli.backend.Closing;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.backend.cuda.CudaContext;
import dev.cocoli.backend.cuda.cublas.CublasMatmul;
import dev.cocoli.backend.cuda.cublas.WeightCopies;
import dev.cocoli.backend.cuda.cudnn.ConvolutionShape.Direction;
import dev.cocoli.backend.cuda.cudnn.ConvolutionShape.Tail;
import dev.cocoli.backend.cuda.kernels.ElementwiseKernels;
import dev.cocoli.backend.cuda.kernels.MemoryKernels;
import dev.cocoli.backend.primitives.Convolutions;
import dev.cocoli.backend.spec.Activation;
import dev.cocoli.backend.spec.Conv2dSpec;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Shape;
import dev.cocoli.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/**
 * Convolutions by cuDNN's graph API, on activations {@code [N,H,W,C]} and weights {@code
 * [O,kH,kW,I]} as they lie. The scale of the output's channels is part of the weights' copy.
 */
public final class CudnnConvolution implements Convolutions, AutoCloseable {
  private final CudaContext context;
  private final BufferPool pool;
  private final ConvolutionPlans plans;
  private final FusedPlans fused;
  private final WeightCopies weights;
  private final CublasMatmul matmul;
  private final ElementwiseKernels elementwise;
  private final MemoryKernels memory;

  public CudnnConvolution(
      CudaContext context,
      WeightCopies weights,
      CublasMatmul matmul,
      ElementwiseKernels elementwise,
      MemoryKernels memory) {
    this.context = context;
    this.pool = context.pool();
    this.plans = new ConvolutionPlans(context);
    this.fused = new FusedPlans(context);
    this.weights = weights;
    this.matmul = matmul;
    this.elementwise = elementwise;
    this.memory = memory;
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
    if (y.elementCount() == 0 || x.elementCount() == 0) {
      return;
    }
    y.buffer().markWritten();
    try (TensorScope scope = new TensorScope(pool)) {
      if (x.dtype() != y.dtype()) {
        widen(spec, x, weight, scale, shift, residual, y, scope);
      } else if (overlaps(residual, y) || overlaps(x, y)) {
        // cuDNN may write before it has read all
        Tensor apart = scope.allocate(y.dtype(), y.shape());
        forward(spec, x, weight, scale, shift, residual, apart, scope);
        memory.copy(apart, y);
      } else {
        forward(spec, x, weight, scale, shift, residual, y, scope);
      }
    }
  }

  private static boolean overlaps(Tensor a, Tensor b) {
    return a != null && a.segment().asOverlappingSlice(b.segment()).isPresent();
  }

  private void forward(
      Conv2dSpec spec,
      Tensor x,
      Tensor weight,
      Tensor scale,
      Tensor shift,
      Tensor residual,
      Tensor y,
      TensorScope scope) {
    Tail tail = Tail.of(shift, residual, spec.activation());
    Tensor addend = tail.shift() && shift == null ? zeros(weight.dim(0), scope) : shift;
    try (WeightCopies.Lease factors = weights.take(weight, scale, x.dtype());
        WeightCopies.Lease addends =
            addend == null
                ? new WeightCopies.Lease(null, null)
                : weights.take(addend, null, x.dtype())) {
      ConvolutionShape shape =
          ConvolutionShape.of(
              Direction.FORWARD,
              spec,
              x,
              y,
              tail,
              ConvolutionShape.alignment(x, factors.tensor(), y, residual, addends.tensor()));
      plans.run(
          shape,
          new Operands(
              x.segment(),
              factors.tensor().segment(),
              y.segment(),
              segment(residual),
              segment(addends.tensor()),
              null));
    }
  }

  private static MemorySegment segment(Tensor tensor) {
    return tensor == null ? null : tensor.segment();
  }

  private Tensor zeros(long count, TensorScope scope) {
    Tensor zeros = scope.allocate(DType.F32, count);
    context.queue().zero(zeros.segment());
    return zeros;
  }

  /**
   * BF16 to F32, for which cuDNN has no ready kernels: a matrix product where it is one, else in
   * F32 throughout, with weights that were rounded to BF16 as those of other layers.
   */
  private void widen(
      Conv2dSpec spec,
      Tensor x,
      Tensor weight,
      Tensor scale,
      Tensor shift,
      Tensor residual,
      Tensor y,
      TensorScope scope) {
    if (ConvolutionShape.isPointwise(spec)) {
      Tensor rows = x.reshape(x.elementCount() / x.dim(3), x.dim(3));
      Tensor columns = weight.reshape(weight.dim(0), weight.dim(3));
      Tensor products = y.reshape(rows.dim(0), y.dim(3));
      if (residual == null) {
        matmul.linear(spec.activation(), rows, columns, scale, shift, products);
      } else {
        matmul.linear(Activation.NONE, rows, columns, scale, null, products);
        elementwise.epilogue(y, null, shift, residual, spec.activation());
      }
      return;
    }
    Tensor wide = scope.allocate(DType.F32, x.shape());
    memory.cast(x, wide);
    Tensor wideWeight = scope.allocate(DType.F32, weight.shape());
    try (WeightCopies.Lease narrow = weights.take(weight, scale, x.dtype())) {
      memory.cast(narrow.tensor(), wideWeight);
    }
    forward(spec, wide, wideWeight, null, shift, residual, y, scope);
  }

  @Override
  public void conv2dBackwardData(
      Conv2dSpec spec,
      Tensor dy,
      Tensor weight,
      Tensor scale,
      Tensor addend,
      Tensor activated,
      Tensor dx) {
    if (dx.elementCount() == 0) {
      return;
    }
    dx.buffer().markWritten();
    if (activated == null) {
      sum(spec, dy, weight, scale, addend, dx);
    } else if (overlaps(addend, dx)) {
      // timing would add it again and again, and cuDNN may write before it has read all
      sum(spec, dy, weight, scale, addend, dx);
      elementwise.reluBackward(activated, dx);
    } else {
      masked(spec, dy, weight, scale, addend, activated, dx);
    }
  }

  private void masked(
      Conv2dSpec spec,
      Tensor dy,
      Tensor weight,
      Tensor scale,
      Tensor addend,
      Tensor activated,
      Tensor dx) {
    Runnable steps =
        () -> {
          backwardData(spec, dy, weight, scale, dx);
          elementwise.reluBackward(activated, addend, dx);
        };
    if (!isFused(spec, dy, dx)) {
      steps.run();
      return;
    }
    try (WeightCopies.Lease factors = weights.take(weight, scale, dy.dtype())) {
      ConvolutionShape shape =
          ConvolutionShape.of(
              Direction.BACKWARD_DATA,
              spec,
              dx,
              dy,
              new Tail(false, addend != null, Activation.RELU),
              ConvolutionShape.alignment(dx, factors.tensor(), dy, addend, activated));
      fused.run(
          shape,
          new Operands(
              dx.segment(),
              factors.tensor().segment(),
              dy.segment(),
              segment(addend),
              null,
              activated.segment()),
          steps);
    }
  }

  /** Whether cuDNN compiles a kernel for it that is worth it: on Hopper for a stride of 1 only. */
  private boolean isFused(Conv2dSpec spec, Tensor dy, Tensor dx) {
    boolean onTensorCores = dx.dtype() == DType.BF16 || context.settings().tf32();
    return onTensorCores
        && spec.stride() == 1
        && dy.elementCount() > 0
        && CublasMatmul.hasWholeRows(dy)
        && CublasMatmul.hasWholeRows(dx);
  }

  private void sum(
      Conv2dSpec spec, Tensor dy, Tensor weight, Tensor scale, Tensor addend, Tensor dx) {
    if (addend == null) {
      backwardData(spec, dy, weight, scale, dx);
    } else if (isSummedByMatmul(spec, dy, dx)) {
      if (addend.segment().address() != dx.segment().address()) {
        memory.copy(addend, dx);
      }
      long rows = dx.elementCount() / dx.dim(3);
      try (WeightCopies.Lease factors = weights.take(weight, scale, dy.dtype())) {
        matmul.addTimes(dy.reshape(rows, dy.dim(3)), factors.tensor(), dx.reshape(rows, dx.dim(3)));
      }
    } else if (ConvolutionShape.isPoint(spec) && dy.elementCount() > 0) {
      addAtStride(spec, dy, weight, scale, addend, dx);
    } else {
      try (TensorScope scope = new TensorScope(pool)) {
        Tensor product = scope.allocate(dx.dtype(), dx.shape());
        backwardData(spec, dy, weight, scale, product);
        elementwise.add(product, addend, dx);
      }
    }
  }

  /** Of a window of one pixel, most pixels of the input have no gradient if there is a stride. */
  private void addAtStride(
      Conv2dSpec spec, Tensor dy, Tensor weight, Tensor scale, Tensor addend, Tensor dx) {
    if (addend.segment().address() != dx.segment().address()) {
      memory.copy(addend, dx);
    }
    try (TensorScope scope = new TensorScope(pool)) {
      Tensor product = scope.allocate(dx.dtype(), dy.dim(0), dy.dim(1), dy.dim(2), dx.dim(3));
      backwardData(Conv2dSpec.of(1, 1, 0), dy, weight, scale, product);
      elementwise.addAtStride(product, spec.stride(), dx);
    }
  }

  /** Whether cublasLt adds to what is there: for rows of whole accesses, where it rounds once. */
  private static boolean isSummedByMatmul(Conv2dSpec spec, Tensor dy, Tensor dx) {
    return ConvolutionShape.isPointwise(spec)
        && dy.elementCount() > 0
        && CublasMatmul.hasWholeRows(dy)
        && CublasMatmul.hasWholeRows(dx);
  }

  private void backwardData(Conv2dSpec spec, Tensor dy, Tensor weight, Tensor scale, Tensor dx) {
    if (dy.elementCount() == 0) {
      context.queue().zero(dx.segment());
      return;
    }
    try (WeightCopies.Lease factors = weights.take(weight, scale, dy.dtype())) {
      ConvolutionShape shape =
          ConvolutionShape.of(
              Direction.BACKWARD_DATA,
              spec,
              dx,
              dy,
              Tail.NONE,
              ConvolutionShape.alignment(dx, factors.tensor(), dy));
      plans.run(shape, Operands.of(dx.segment(), factors.tensor().segment(), dy.segment()));
    }
  }

  @Override
  public void conv2dBackwardWeight(
      Conv2dSpec spec, Tensor x, Tensor dy, Tensor scale, Tensor dWeight, Tensor dShift) {
    if (x.elementCount() == 0 || dy.elementCount() == 0) {
      return;
    }
    if (dShift != null) {
      elementwise.addColumnSums(dy, dShift);
    }
    try (TensorScope scope = new TensorScope(pool)) {
      if (!ConvolutionShape.isPointwise(spec)) {
        elementwise.addScaledRows(gradient(spec, x, dy, dWeight.shape(), scope), scale, dWeight);
        return;
      }
      Tensor rows = x.reshape(x.elementCount() / x.dim(3), x.dim(3));
      Tensor gradients = dy.reshape(rows.dim(0), dy.dim(3));
      if (scale == null) {
        matmul.addTransposedTimes(gradients, rows, dWeight);
      } else {
        Tensor unscaled = scope.allocate(DType.F32, dWeight.shape());
        matmul.transposedTimes(gradients, rows, unscaled);
        elementwise.addScaledRows(unscaled, scale, dWeight);
      }
    }
  }

  /** cuDNN writes it in the type of the activations, and adds to nothing. */
  private Tensor gradient(
      Conv2dSpec spec, Tensor x, Tensor dy, Shape weightShape, TensorScope scope) {
    Tensor fresh = scope.allocate(x.dtype(), weightShape);
    ConvolutionShape shape =
        ConvolutionShape.of(
            Direction.BACKWARD_WEIGHT,
            spec,
            x,
            dy,
            Tail.NONE,
            ConvolutionShape.alignment(x, fresh, dy));
    plans.run(shape, Operands.of(x.segment(), fresh.segment(), dy.segment()));
    return fresh;
  }

  /** Returns how many plans are gone: what was recorded of one may be gone with it. */
  public long closedPlans() {
    return plans.closedPlans();
  }

  /** Returns how many plans are kept. */
  int planCount() {
    return plans.size();
  }

  @Override
  public void close() {
    Closing.all(fused, plans);
  }
}

package dev.cocoli.backend.cuda.cudnn;

import dev.cocoli.backend.BufferPool;
import dev.cocoli.backend.Closing;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.backend.cuda.CudaContext;
import dev.cocoli.backend.cuda.cublas.CublasMatmul;
import dev.cocoli.backend.cuda.cublas.WeightCopies;
import dev.cocoli.backend.cuda.cudnn.ConvolutionShape.Direction;
import dev.cocoli.backend.cuda.cudnn.ConvolutionShape.Sums;
import dev.cocoli.backend.cuda.cudnn.ConvolutionShape.Tail;
import dev.cocoli.backend.cuda.kernels.ElementwiseKernels;
import dev.cocoli.backend.cuda.kernels.MemoryKernels;
import dev.cocoli.backend.cuda.kernels.SplitBatchNormKernels;
import dev.cocoli.backend.primitives.Convolutions;
import dev.cocoli.backend.primitives.GradientSums;
import dev.cocoli.backend.spec.Activation;
import dev.cocoli.backend.spec.Conv2dSpec;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Shape;
import dev.cocoli.tensor.Tensor;

/**
 * Convolutions by cuDNN's graph API, on activations {@code [N,H,W,C]} and weights {@code
 * [O,kH,kW,I]} as they lie. The scale of the output's channels is part of the weights' copy.
 */
public final class CudnnConvolution implements Convolutions, AutoCloseable {
  private final CudaContext context;
  private final BufferPool pool;
  private final ConvolutionPlans plans;
  private final SplitBatchNormKernels norms;
  private final FusedPlans fused;
  private final InputGradients gradients;
  private final WeightCopies weights;
  private final CublasMatmul matmul;
  private final ElementwiseKernels elementwise;
  private final MemoryKernels memory;

  public CudnnConvolution(
      CudaContext context,
      WeightCopies weights,
      CublasMatmul matmul,
      ElementwiseKernels elementwise,
      MemoryKernels memory,
      SplitBatchNormKernels norms) {
    this.context = context;
    this.pool = context.pool();
    this.plans = new ConvolutionPlans(context);
    this.weights = weights;
    this.matmul = matmul;
    this.elementwise = elementwise;
    this.memory = memory;
    this.norms = norms;
    fused = new FusedPlans(context);
    gradients =
        new InputGradients(context, plans, fused, weights, matmul, elementwise, memory, norms);
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

  static boolean overlaps(Tensor a, Tensor b) {
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
      Operands operands =
          Operands.of(x, factors.tensor(), y)
              .with(ConvolutionGraph.RESIDUAL, residual)
              .with(ConvolutionGraph.SHIFT, addends.tensor());
      plans.run(
          ConvolutionShape.of(Direction.FORWARD, spec, x, y, tail, operands.alignment()), operands);
    }
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
  public boolean conv2dBackwardData(
      Conv2dSpec spec,
      Tensor dy,
      Tensor weight,
      Tensor scale,
      Tensor addend,
      Tensor activated,
      GradientSums sums,
      Tensor dx) {
    return gradients.run(spec, dy, weight, scale, addend, activated, sums, dx);
  }

  @Override
  public boolean conv2dMoments(
      Conv2dSpec spec, Tensor x, Tensor weight, Tensor centre, Tensor sums, Tensor y) {
    Runnable steps = () -> conv2d(spec, x, weight, null, null, null, y);
    if (x.elementCount() == 0 || y.elementCount() == 0 || !fused.suits(y)) {
      steps.run();
      return false;
    }
    y.buffer().markWritten();
    try (WeightCopies.Lease factors = weights.take(weight, null, x.dtype())) {
      Tail tail = new Tail(false, false, Activation.NONE, Sums.MOMENTS);
      Operands operands =
          Operands.of(x, factors.tensor(), y)
              .with(ConvolutionGraph.MEAN, centre)
              .with(ConvolutionGraph.SUM, sums.rows(0, 1))
              .with(ConvolutionGraph.PRODUCT, sums.rows(1, 1));
      boolean summed =
          fused.run(
              ConvolutionShape.of(Direction.FORWARD, spec, x, y, tail, operands.alignment()),
              operands,
              steps,
              () -> statisticsAlone(y));
      if (summed) {
        sums.buffer().markWritten();
      }
      return summed;
    }
  }

  /** What the sums cost in a pass of their own. */
  private void statisticsAlone(Tensor y) {
    try (TensorScope scope = new TensorScope(pool)) {
      norms.statistics(y, scope.allocate(DType.F32, 2 * y.dim(3) + 1));
    }
  }

  @Override
  public boolean sumsInPassing() {
    return true;
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
    Operands operands = Operands.of(x, fresh, dy);
    plans.run(
        ConvolutionShape.of(
            Direction.BACKWARD_WEIGHT, spec, x, dy, Tail.NONE, operands.alignment()),
        operands);
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

package dev.cocoli.backend.cuda.cudnn;

import dev.cocoli.backend.BufferPool;
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
import dev.cocoli.tensor.Tensor;

/** Gradients of convolutions by their input, with what is added to them and follows them. */
final class InputGradients {
  private final CudaContext context;
  private final BufferPool pool;
  private final ConvolutionPlans plans;
  private final FusedPlans fused;
  private final WeightCopies weights;
  private final CublasMatmul matmul;
  private final ElementwiseKernels elementwise;
  private final MemoryKernels memory;
  private final SplitBatchNormKernels norms;

  InputGradients(
      CudaContext context,
      ConvolutionPlans plans,
      FusedPlans fused,
      WeightCopies weights,
      CublasMatmul matmul,
      ElementwiseKernels elementwise,
      MemoryKernels memory,
      SplitBatchNormKernels norms) {
    this.context = context;
    this.pool = context.pool();
    this.plans = plans;
    this.fused = fused;
    this.weights = weights;
    this.matmul = matmul;
    this.elementwise = elementwise;
    this.memory = memory;
    this.norms = norms;
  }

  /** See {@link Convolutions#conv2dBackwardData}. */
  boolean run(
      Conv2dSpec spec,
      Tensor dy,
      Tensor weight,
      Tensor scale,
      Tensor addend,
      Tensor activated,
      GradientSums sums,
      Tensor dx) {
    if (dx.elementCount() == 0) {
      return false;
    }
    dx.buffer().markWritten();
    Runnable steps = () -> steps(spec, dy, weight, scale, addend, activated, dx);
    boolean follows = activated != null || sums != null;
    // timing would add what lies there again and again, and cuDNN may write before it has read all
    if (!follows || CudnnConvolution.overlaps(addend, dx) || !isFused(spec, dy, dx)) {
      steps.run();
      return false;
    }
    Tail tail =
        new Tail(
            false,
            addend != null,
            activated == null ? Activation.NONE : Activation.RELU,
            kind(sums, activated));
    try (WeightCopies.Lease factors = weights.take(weight, scale, dy.dtype())) {
      Operands operands =
          Operands.of(dx, factors.tensor(), dy)
              .with(ConvolutionGraph.RESIDUAL, addend)
              .with(ConvolutionGraph.ACTIVATED, activated);
      if (sums != null) {
        add(sums, tail.sums(), operands);
      }
      boolean done =
          fused.run(
              ConvolutionShape.of(
                  Direction.BACKWARD_DATA, spec, dx, dy, tail, operands.alignment()),
              operands,
              steps,
              () -> sumAlone(sums, dx));
      if (done && sums != null) {
        sums.sums().buffer().markWritten();
      }
      return done && sums != null;
    }
  }

  private static Sums kind(GradientSums sums, Tensor activated) {
    if (sums == null) {
      return Sums.NONE;
    }
    if (sums.norm() == null) {
      return Sums.BIAS;
    }
    return sums.masked() && activated == null ? Sums.MASKED_NORM : Sums.NORM;
  }

  private static void add(GradientSums sums, Sums kind, Operands operands) {
    operands.with(ConvolutionGraph.SUM, sums.sums().rows(0, 1));
    if (kind == Sums.BIAS) {
      return;
    }
    GradientSums.Norm norm = sums.norm();
    operands
        .with(ConvolutionGraph.PRODUCT, sums.sums().rows(1, 1))
        .with(ConvolutionGraph.NORMALIZED, norm.x())
        .with(ConvolutionGraph.MEAN, norm.mean());
    if (kind == Sums.MASKED_NORM) {
      operands
          .with(ConvolutionGraph.INV_STD, norm.invStd())
          .with(ConvolutionGraph.SCALE, norm.weight())
          .with(ConvolutionGraph.BIAS, norm.bias());
    }
  }

  /** What the sums of a gradient cost in a pass of their own. */
  private void sumAlone(GradientSums sums, Tensor gradient) {
    if (sums == null) {
      return;
    }
    if (sums.norm() == null) {
      elementwise.addColumnSums(gradient, sums.sums());
    } else {
      norms.gradientSums(sums, gradient);
    }
  }

  private void steps(
      Conv2dSpec spec,
      Tensor dy,
      Tensor weight,
      Tensor scale,
      Tensor addend,
      Tensor activated,
      Tensor dx) {
    if (activated == null) {
      sum(spec, dy, weight, scale, addend, dx);
    } else if (CudnnConvolution.overlaps(addend, dx)) {
      sum(spec, dy, weight, scale, addend, dx);
      elementwise.reluBackward(activated, dx);
    } else {
      backwardData(spec, dy, weight, scale, dx);
      elementwise.reluBackward(activated, addend, dx);
    }
  }

  /** Whether cuDNN compiles a kernel for it that is worth it: on Hopper for a stride of 1 only. */
  private boolean isFused(Conv2dSpec spec, Tensor dy, Tensor dx) {
    return fused.suits(dx)
        && spec.stride() == 1
        && dy.elementCount() > 0
        && CublasMatmul.hasWholeRows(dy);
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
      Operands operands = Operands.of(dx, factors.tensor(), dy);
      plans.run(
          ConvolutionShape.of(
              Direction.BACKWARD_DATA, spec, dx, dy, Tail.NONE, operands.alignment()),
          operands);
    }
  }
}

package dev.cocoli.backend.cuda.cublas;

import dev.cocoli.backend.DeviceMemoryException;
import dev.cocoli.backend.PlanCache;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.backend.cuda.CudaContext;
import dev.cocoli.backend.cuda.PlanTimer;
import dev.cocoli.backend.cuda.cublas.MatmulShape.Product;
import dev.cocoli.backend.cuda.kernels.ElementwiseKernels;
import dev.cocoli.backend.cuda.kernels.MemoryKernels;
import dev.cocoli.backend.primitives.Dense;
import dev.cocoli.backend.spec.Activation;
import dev.cocoli.tensor.Buffer;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * Fully connected layers by cublasLt, with bias and activation in the same pass where it has an
 * algorithm that does so. Sums are kept in fp32.
 */
public final class CublasMatmul implements Dense, AutoCloseable {
  /** What cuBLAS recommends for Hopper, and more than it uses elsewhere. */
  static final long MOST_WORKSPACE_BYTES = 32L << 20;

  /** Rows of bf16 whose length is a multiple of this are whole accesses of 16 bytes. */
  private static final int BF16_ROW_MULTIPLE = 8;

  private static final int CAPACITY = 1024;

  /** A plan, and whether its algorithm has been chosen by timing. */
  private static final class Choice implements AutoCloseable {
    final MatmulPlan plan;
    int uses;
    boolean timed;

    Choice(MatmulPlan plan) {
      this.plan = plan;
    }

    @Override
    public void close() {
      plan.close();
    }
  }

  private final CudaContext context;
  private final WeightCopies weights;
  private final ElementwiseKernels elementwise;
  private final MemoryKernels memory;
  private final PlanCache<MatmulShape, Choice> plans = new PlanCache<>(CAPACITY);

  public CublasMatmul(
      CudaContext context,
      WeightCopies weights,
      ElementwiseKernels elementwise,
      MemoryKernels memory) {
    this.context = context;
    this.weights = weights;
    this.elementwise = elementwise;
    this.memory = memory;
  }

  /** Whether rows are whole accesses of 16 bytes, if they are BF16. */
  public static boolean hasWholeRows(Tensor x) {
    return x.dtype() != DType.BF16 || x.dim(-1) % BF16_ROW_MULTIPLE == 0;
  }

  @Override
  public void linear(Activation activation, Tensor x, Tensor weight, Tensor bias, Tensor y) {
    linear(activation, x, weight, null, bias, y);
  }

  /**
   * A layer: {@code y = activation(x weight^T * scale + bias)}.
   *
   * @param activation applied last
   * @param x {@code [M,I]}
   * @param weight {@code [O,I]}
   * @param scale {@code [O]} or null
   * @param bias {@code [O]} or null
   * @param y {@code [M,O]}, in the type of x or F32
   */
  public void linear(
      Activation activation, Tensor x, Tensor weight, Tensor scale, Tensor bias, Tensor y) {
    if (y.elementCount() == 0) {
      return;
    }
    y.buffer().markWritten();
    if (x.elementCount() == 0) {
      // a sum of nothing
      context.queue().zero(y.segment());
      elementwise.epilogue(y, null, bias, null, activation);
      return;
    }
    try (WeightCopies.Lease factors = weights.take(weight, scale, x.dtype());
        WeightCopies.Lease addends =
            bias == null
                ? new WeightCopies.Lease(null, null)
                : weights.take(bias, null, y.dtype())) {
      MemorySegment a = factors.tensor().segment();
      MemorySegment addend = bias == null ? null : addends.tensor().segment();
      MatmulShape shape =
          new MatmulShape(
              Product.FORWARD,
              x.dtype(),
              y.dtype(),
              x.dim(0),
              x.dim(1),
              y.dim(1),
              bias != null,
              activation,
              MatmulShape.alignment(
                  a.address(),
                  x.segment().address(),
                  y.segment().address(),
                  addend == null ? 0 : addend.address()));
      // on an H100, cublasLt 13.1 rounds such rows to bf16 before it adds the bias, and again after
      if (hasWholeRows(y) && choice(shape, addend).plan.shape().equals(shape)) {
        run(shape, a, x.segment(), y.segment(), addend);
      } else {
        inSteps(shape.plain(), a, x, bias, activation, y);
      }
    }
  }

  /** A layer whose bias and activation cuBLAS does not take along; rounded once all the same. */
  private void inSteps(
      MatmulShape plain, MemorySegment a, Tensor x, Tensor bias, Activation activation, Tensor y) {
    if (y.dtype() == DType.F32) {
      run(plain, a, x.segment(), y.segment(), null);
      elementwise.epilogue(y, null, bias, null, activation);
      return;
    }
    try (TensorScope scope = new TensorScope(context.pool())) {
      Tensor wide = scope.allocate(DType.F32, y.shape());
      run(plain.to(DType.F32), a, x.segment(), wide.segment(), null);
      elementwise.epilogue(wide, null, bias, null, activation);
      memory.cast(wide, y);
    }
  }

  @Override
  public void linearBackwardData(Tensor dy, Tensor weight, Tensor dx) {
    if (dx.elementCount() == 0) {
      return;
    }
    dx.buffer().markWritten();
    if (dy.elementCount() == 0) {
      context.queue().zero(dx.segment());
      return;
    }
    try (WeightCopies.Lease factors = weights.take(weight, null, dy.dtype())) {
      multiply(Product.BACKWARD_DATA, factors.tensor(), dy, dx, dy.dim(0), dx.dim(1), dy.dim(1));
    }
  }

  /**
   * Adds a product: {@code sum += dy factors}.
   *
   * @param dy {@code [M,O]}
   * @param factors {@code O*I} elements of the type of dy
   * @param sum {@code [M,I]}, in the type of dy
   */
  public void addTimes(Tensor dy, Tensor factors, Tensor sum) {
    sum.buffer().markWritten();
    multiply(Product.ADD_BACKWARD_DATA, factors, dy, sum, dy.dim(0), sum.dim(1), dy.dim(1));
  }

  @Override
  public void linearBackwardWeight(Tensor x, Tensor dy, Tensor dWeight, Tensor dBias) {
    if (dBias != null) {
      elementwise.addColumnSums(dy, dBias);
    }
    addTransposedTimes(dy, x, dWeight);
  }

  /**
   * Adds a product: {@code sum += dy^T x}.
   *
   * @param dy {@code [M,O]}
   * @param x {@code [M,I]}
   * @param sum F32, {@code O*I} elements
   */
  public void addTransposedTimes(Tensor dy, Tensor x, Tensor sum) {
    if (x.elementCount() > 0 && dy.elementCount() > 0) {
      sum.buffer().markWritten();
      multiply(Product.ADD_BACKWARD_WEIGHT, x, dy, sum, x.dim(0), x.dim(1), dy.dim(1));
    }
  }

  /**
   * Writes a product: {@code product = dy^T x}.
   *
   * @param dy {@code [M,O]}, not empty
   * @param x {@code [M,I]}, not empty
   * @param product F32, {@code O*I} elements
   */
  public void transposedTimes(Tensor dy, Tensor x, Tensor product) {
    product.buffer().markWritten();
    multiply(Product.BACKWARD_WEIGHT, x, dy, product, x.dim(0), x.dim(1), dy.dim(1));
  }

  private void multiply(
      Product product, Tensor a, Tensor b, Tensor d, long rows, long in, long out) {
    MatmulShape shape =
        new MatmulShape(
            product,
            b.dtype(),
            d.dtype(),
            rows,
            in,
            out,
            false,
            Activation.NONE,
            MatmulShape.alignment(
                a.segment().address(), b.segment().address(), d.segment().address()));
    run(shape, a.segment(), b.segment(), d.segment(), null);
  }

  private void run(
      MatmulShape shape, MemorySegment a, MemorySegment b, MemorySegment d, MemorySegment bias) {
    Choice choice = choice(shape, bias);
    if (!choice.plan.shape().equals(shape)) {
      throw new IllegalStateException("cublasLt has no algorithm for " + shape);
    }
    choice.uses++;
    if (choice.uses >= PlanTimer.TIMED_AT_USE
        && !choice.timed
        && !context.settings().deterministic()
        && !context.recorder().isRecording()) {
      choice.timed = true;
      chooseFastest(choice.plan, a, b, d, bias);
    }
    execute(choice.plan, a, b, d, bias);
    context.queue().finished("cublasLtMatmul of " + shape);
  }

  /** Times the algorithms on the operands, which they leave alike. */
  private void chooseFastest(
      MatmulPlan plan, MemorySegment a, MemorySegment b, MemorySegment d, MemorySegment bias) {
    if (plan.candidates() == 1) {
      return;
    }
    // what adds to d does so elsewhere
    long scratchBytes = plan.shape().beta() == 0 ? 0 : d.byteSize();
    try (PlanTimer timer = new PlanTimer(context);
        Buffer scratch = context.pool().take(scratchBytes)) {
      MemorySegment product = scratchBytes == 0 ? d : scratch.segment();
      int best = 0;
      float bestTime = Float.POSITIVE_INFINITY;
      for (int candidate = 0; candidate < plan.candidates(); candidate++) {
        plan.choose(candidate);
        float time = timer.milliseconds(() -> execute(plan, a, b, product, bias), bestTime);
        if (time < bestTime) {
          bestTime = time;
          best = candidate;
        }
      }
      plan.choose(best);
    } catch (DeviceMemoryException e) {
      // no room for a second d
      plan.choose(0);
    }
  }

  /** Returns the choice for a product; if there is none, for the same without what follows it. */
  private Choice choice(MatmulShape shape, MemorySegment bias) {
    context.device().enter();
    return plans.get(shape, key -> new Choice(choose(key, bias)));
  }

  private MatmulPlan choose(MatmulShape shape, MemorySegment bias) {
    MatmulPlan plan = new MatmulPlan(shape, context.settings());
    if (plan.choose(context.cublasLt(), context.settings(), bias)) {
      return plan;
    }
    plan.close();
    if (shape.equals(shape.plain())) {
      throw new IllegalStateException("cublasLt has no algorithm for " + shape);
    }
    return choose(shape.plain(), null);
  }

  private void execute(
      MatmulPlan plan, MemorySegment a, MemorySegment b, MemorySegment d, MemorySegment bias) {
    MemorySegment handle = context.cublasLt();
    MemorySegment stream = context.device().computeStream();
    if (plan.workspaceBytes() == 0) {
      plan.execute(handle, a, b, d, bias, Optional.empty(), stream);
      return;
    }
    // whoever takes this memory next is queued after it
    try (Buffer workspace = context.pool().take(plan.workspaceBytes())) {
      plan.execute(handle, a, b, d, bias, Optional.of(workspace.segment()), stream);
    }
  }

  @Override
  public void close() {
    plans.close();
  }
}

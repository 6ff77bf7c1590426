package dev.cocoli.backend.cuda.kernels;

import dev.cocoli.backend.BufferPool;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.backend.primitives.Updates;
import dev.cocoli.backend.spec.SgdSpec;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;

/** Norms and scaling of gradients, and the optimizer's update. */
final class UpdateKernels implements Updates {
  private static final String FILE = "update";
  private static final Kernel SQUARED_NORM = new Kernel(FILE, "squared_norm");
  private static final Kernel CLIP_BY_NORM = new Kernel(FILE, "clip_by_norm");
  private static final Kernel SCALE = new Kernel(FILE, "scale");
  private static final Kernel SGD_UPDATE = new Kernel(FILE, "sgd_update");

  /** Elements that a thread reads or writes at once. */
  private static final long WIDTH = 4;

  private final KernelCall call;
  private final BufferPool pool;

  UpdateKernels(KernelCall call, BufferPool pool) {
    this.call = call;
    this.pool = pool;
  }

  @Override
  public void squaredNorm(Tensor x, Tensor sum) {
    long count = x.elementCount();
    long parts = Math.clamp(blocks(count), 1, call.queue().residentBlocks());
    try (TensorScope scope = new TensorScope(pool)) {
      Tensor partial = scope.allocate(DType.I64, parts); // doubles
      call.of(SQUARED_NORM)
          .tensor(x)
          .tensor(partial)
          .pointer(call.queue().counters())
          .output(sum)
          .i64(count)
          .blocks(parts, KernelCall.THREADS);
    }
  }

  /** Returns how many blocks read a part each, all of it at once. */
  private static long blocks(long count) {
    long threads = (count + WIDTH - 1) / WIDTH;
    return (threads + KernelCall.THREADS - 1) / KernelCall.THREADS;
  }

  @Override
  public void clipByNorm(Tensor gradient, Tensor squaredNorm, float maxNorm) {
    long count = gradient.elementCount();
    call.of(CLIP_BY_NORM)
        .output(gradient)
        .tensor(squaredNorm)
        .i64(count)
        .f32(maxNorm)
        .over((count + WIDTH - 1) / WIDTH);
  }

  @Override
  public void scale(Tensor x, float factor) {
    long count = x.elementCount();
    call.of(SCALE).output(x).i64(count).f32(factor).over((count + WIDTH - 1) / WIDTH);
  }

  @Override
  public void sgdUpdate(SgdSpec spec, Tensor parameter, Tensor gradient, Tensor velocity) {
    long count = parameter.elementCount();
    call.of(SGD_UPDATE)
        .output(parameter)
        .tensor(gradient)
        .output(velocity)
        .i64(count)
        .f32(spec.learningRate())
        .f32(spec.momentum())
        .f32(spec.weightDecay())
        .over((count + WIDTH - 1) / WIDTH);
  }
}

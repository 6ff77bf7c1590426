package dev.cocoli.backend.cuda.kernels;

import dev.cocoli.backend.BufferPool;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.backend.cuda.kernels.ElementwiseKernels.ScaledRows;
import dev.cocoli.backend.primitives.Updates;
import dev.cocoli.backend.spec.SgdSpec;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** Norms and scaling of gradients, and the optimizer's update. */
public final class UpdateKernels implements Updates {
  private static final String FILE = "update";
  private static final Kernel SQUARED_NORM = new Kernel(FILE, "squared_norm");
  private static final Kernel CLIP_BY_NORM = new Kernel(FILE, "clip_by_norm");
  private static final Kernel SCALE = new Kernel(FILE, "scale");
  private static final Kernel SGD_UPDATE = new Kernel(FILE, "sgd_update");

  /** Elements that a thread reads or writes at once. */
  private static final long WIDTH = 4;

  /** Copies that {@code sgd_update} takes: update.cu has the same number. */
  private static final int MOST_COPIES = 100;

  private final KernelCall call;
  private final BufferPool pool;
  private final ParameterCopies copies;

  public UpdateKernels(KernelCall call, BufferPool pool, ParameterCopies copies) {
    this.call = call;
    this.pool = pool;
    this.copies = copies;
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
    boolean wide = isWide(parameter) && isWide(gradient) && isWide(velocity) && count % WIDTH == 0;
    List<ScaledRows> also = wide ? writtenWith(parameter) : List.of();
    call.of(SGD_UPDATE)
        .output(parameter)
        .tensor(gradient)
        .output(velocity)
        .i64(count)
        .f32(spec.learningRate())
        .f32(spec.momentum())
        .f32(spec.weightDecay())
        .i32(also.size());
    for (ScaledRows copy : also) {
      long elements = copy.x().elementCount();
      call.tensor(copy.scale())
          .output(copy.y())
          .i32(begin(copy, parameter))
          .i32(elements)
          .i32(elements / copy.x().dim(0))
          .i32(0); // the structure is padded to a multiple of its pointers
    }
    for (int i = also.size(); i < MOST_COPIES; i++) {
      call.tensor(null).tensor(null).i32(0).i32(0).i32(0).i32(0);
    }
    call.over((count + WIDTH - 1) / WIDTH);
    copies.written(also);
  }

  /** Returns the copies that the kernel writes, in the order of their begins. */
  private List<ScaledRows> writtenWith(Tensor parameter) {
    List<ScaledRows> some = new ArrayList<>();
    long end = 0;
    for (ScaledRows copy :
        copies.wantedOf(parameter).stream()
            .filter(copy -> isWritten(copy, parameter))
            .sorted(Comparator.comparingLong(copy -> begin(copy, parameter)))
            .toList()) {
      // one copy of an element
      if (begin(copy, parameter) >= end && some.size() < MOST_COPIES) {
        some.add(copy);
        end = begin(copy, parameter) + copy.x().elementCount();
      }
    }
    return some;
  }

  /** Whether the kernel writes a copy: whole packs, each of one row or two. */
  private static boolean isWritten(ScaledRows copy, Tensor parameter) {
    long elements = copy.x().elementCount();
    return copy.y().dtype() == DType.BF16
        && parameter.elementCount() <= Integer.MAX_VALUE
        && begin(copy, parameter) % WIDTH == 0
        && elements % WIDTH == 0
        && copy.y().segment().address() % (WIDTH * DType.BF16.byteSize()) == 0
        && (copy.scale() == null || elements / copy.x().dim(0) >= WIDTH);
  }

  private static boolean isWide(Tensor x) {
    return x.segment().address() % (WIDTH * DType.F32.byteSize()) == 0;
  }

  /** Returns the number of elements of the parameters before those of a copy. */
  private static long begin(ScaledRows copy, Tensor parameter) {
    return (copy.x().byteOffset() - parameter.byteOffset()) / DType.F32.byteSize();
  }
}

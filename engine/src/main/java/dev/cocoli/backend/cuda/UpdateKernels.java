package dev.cocoli.backend.cuda;

import dev.cocoli.backend.BufferPool;
import dev.cocoli.backend.SgdSpec;
import dev.cocoli.tensor.Tensor;

/** What happens to parameters: norms, clipping, the optimiser's step, folded normalisations. */
final class UpdateKernels {
  private final KernelCall call;
  private final BufferPool pool;

  UpdateKernels(KernelCall call, BufferPool pool) {
    this.call = call;
    this.pool = pool;
  }

  /** See {@link dev.cocoli.backend.Backend#foldBatchNorm}. */
  void foldBatchNorm(Tensor weight, Tensor bias, Tensor mean, Tensor var, float eps, Tensor scale, Tensor shift) {
    throw new UnsupportedOperationException("foldBatchNorm");
  }

  /** See {@link dev.cocoli.backend.Backend#squaredNorm}. */
  void squaredNorm(Tensor x, Tensor sum) {
    throw new UnsupportedOperationException("squaredNorm");
  }

  /** See {@link dev.cocoli.backend.Backend#clipByNorm}. */
  void clipByNorm(Tensor gradient, Tensor squaredNorm, float maxNorm) {
    throw new UnsupportedOperationException("clipByNorm");
  }

  /** See {@link dev.cocoli.backend.Backend#sgdUpdate}. */
  void sgdUpdate(SgdSpec spec, Tensor parameter, Tensor gradient, Tensor velocity) {
    throw new UnsupportedOperationException("sgdUpdate");
  }
}

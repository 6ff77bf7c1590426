package dev.cocoli.backend.cuda;

import dev.cocoli.backend.BatchNormSpec;
import dev.cocoli.backend.BufferPool;
import dev.cocoli.tensor.Tensor;

/** Batch normalisation in training and its gradient: {@code [N,H,W,C]}. */
final class BatchNormKernels {
  private final KernelCall call;
  private final BufferPool pool;

  BatchNormKernels(KernelCall call, BufferPool pool) {
    this.call = call;
    this.pool = pool;
  }

  /** See {@link dev.cocoli.backend.Backend#batchNorm}. */
  void batchNorm(BatchNormSpec spec, Tensor x, Tensor weight, Tensor bias, Tensor residual, Tensor runningMean, Tensor runningVar, Tensor mean, Tensor invStd, Tensor y) {
    throw new UnsupportedOperationException("batchNorm");
  }

  /** See {@link dev.cocoli.backend.Backend#batchNormBackward}. */
  void batchNormBackward(BatchNormSpec spec, Tensor x, Tensor weight, Tensor mean, Tensor invStd, Tensor y, Tensor dy, Tensor dx, Tensor dWeight, Tensor dBias) {
    throw new UnsupportedOperationException("batchNormBackward");
  }
}

package dev.cocoli.backend.cuda;

import dev.cocoli.backend.Pool2dSpec;
import dev.cocoli.tensor.Tensor;

/** Maximum over windows and its gradient: {@code [N,H,W,C]}. */
final class PoolingKernels {
  private final KernelCall call;

  PoolingKernels(KernelCall call) {
    this.call = call;
  }

  /** See {@link dev.cocoli.backend.Backend#maxPool2d}. */
  void maxPool2d(Pool2dSpec spec, Tensor x, Tensor y, Tensor argmax) {
    throw new UnsupportedOperationException("maxPool2d");
  }

  /** See {@link dev.cocoli.backend.Backend#maxPool2dBackward}. */
  void maxPool2dBackward(Pool2dSpec spec, Tensor dy, Tensor argmax, Tensor dx) {
    throw new UnsupportedOperationException("maxPool2dBackward");
  }
}

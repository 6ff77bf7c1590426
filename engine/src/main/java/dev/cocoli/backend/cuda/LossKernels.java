package dev.cocoli.backend.cuda;

import dev.cocoli.backend.BufferPool;
import dev.cocoli.tensor.Tensor;

/** Losses with their gradients. */
final class LossKernels {
  private final KernelCall call;
  private final BufferPool pool;

  LossKernels(KernelCall call, BufferPool pool) {
    this.call = call;
    this.pool = pool;
  }

  /** See {@link dev.cocoli.backend.Backend#softmax}. */
  void softmax(Tensor x, Tensor y) {
    throw new UnsupportedOperationException("softmax");
  }

  /** See {@link dev.cocoli.backend.Backend#softmaxCrossEntropy}. */
  void softmaxCrossEntropy(Tensor logits, Tensor labels, Tensor loss, Tensor dLogits) {
    throw new UnsupportedOperationException("softmaxCrossEntropy");
  }

  /** See {@link dev.cocoli.backend.Backend#sigmoidCrossEntropy}. */
  void sigmoidCrossEntropy(Tensor logits, Tensor labels, Tensor loss, Tensor dLogits) {
    throw new UnsupportedOperationException("sigmoidCrossEntropy");
  }

  /** See {@link dev.cocoli.backend.Backend#smoothL1}. */
  void smoothL1(float beta, Tensor predictions, Tensor targets, Tensor labels, Tensor loss, Tensor dPredictions) {
    throw new UnsupportedOperationException("smoothL1");
  }
}

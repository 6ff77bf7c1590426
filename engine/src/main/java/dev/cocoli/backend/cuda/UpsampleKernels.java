package dev.cocoli.backend.cuda;

import dev.cocoli.tensor.Tensor;

/** Enlarges maps to the nearest pixel, and back: {@code [N,H,W,C]}. */
final class UpsampleKernels {
  private final KernelCall call;

  UpsampleKernels(KernelCall call) {
    this.call = call;
  }

  /** See {@link dev.cocoli.backend.Backend#upsampleNearest}. */
  void upsampleNearest(Tensor x, Tensor addend, Tensor y) {
    throw new UnsupportedOperationException("upsampleNearest");
  }

  /** See {@link dev.cocoli.backend.Backend#upsampleNearestBackward}. */
  void upsampleNearestBackward(Tensor dy, Tensor dx) {
    throw new UnsupportedOperationException("upsampleNearestBackward");
  }
}

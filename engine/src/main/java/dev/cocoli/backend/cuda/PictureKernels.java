package dev.cocoli.backend.cuda;

import dev.cocoli.backend.NormalizeSpec;
import dev.cocoli.tensor.Tensor;

/** Pictures as bytes or floats to slots of a batch. */
final class PictureKernels {
  private final KernelCall call;

  PictureKernels(KernelCall call) {
    this.call = call;
  }

  /** See {@link dev.cocoli.backend.Backend#resizeNormalize}. */
  void resizeNormalize(NormalizeSpec spec, Tensor picture, long height, long width, Tensor slot) {
    throw new UnsupportedOperationException("resizeNormalize");
  }
}

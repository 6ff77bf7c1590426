package dev.cocoli.backend.cuda;

import dev.cocoli.tensor.Tensor;

/** Copies, fills and conversions. */
final class MemoryKernels {
  private final KernelCall call;

  MemoryKernels(KernelCall call) {
    this.call = call;
  }

  /** See {@link dev.cocoli.backend.Backend#copy}. */
  void copy(Tensor from, Tensor to) {
    throw new UnsupportedOperationException("copy");
  }

  /** See {@link dev.cocoli.backend.Backend#copyColumns}. */
  void copyColumns(Tensor from, long fromColumn, Tensor to, long toColumn, long columns) {
    throw new UnsupportedOperationException("copyColumns");
  }

  /** See {@link dev.cocoli.backend.Backend#fill}. */
  void fill(Tensor x, float value) {
    throw new UnsupportedOperationException("fill");
  }

  /** See {@link dev.cocoli.backend.Backend#cast}. */
  void cast(Tensor x, Tensor y) {
    throw new UnsupportedOperationException("cast");
  }
}

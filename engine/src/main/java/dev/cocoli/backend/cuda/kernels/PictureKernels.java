package dev.cocoli.backend.cuda.kernels;

import dev.cocoli.backend.spec.NormalizeSpec;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;

/** Pictures as bytes or floats to slots of a batch. */
final class PictureKernels {
  private static final String FILE = "picture";
  private static final Kernel RESIZE_NORMALIZE_F32 = new Kernel(FILE, "resize_normalize_f32");
  private static final Kernel RESIZE_NORMALIZE_U8 = new Kernel(FILE, "resize_normalize_u8");

  private final KernelCall call;

  PictureKernels(KernelCall call) {
    this.call = call;
  }

  /** See {@link dev.cocoli.backend.Backend#resizeNormalize}. */
  void resizeNormalize(NormalizeSpec spec, Tensor picture, long height, long width, Tensor slot) {
    long count = slot.elementCount();
    if (count == 0) {
      return;
    }
    call.of(picture.dtype() == DType.U8 ? RESIZE_NORMALIZE_U8 : RESIZE_NORMALIZE_F32)
        .tensor(picture)
        .tensor(slot)
        .i64(count)
        .divider(slot.dim(1) * slot.dim(2), count);
    axis(picture.dim(0), height);
    axis(picture.dim(1), width);
    for (float mean : spec.mean()) {
      call.f32(mean);
    }
    for (float std : spec.std()) {
      call.f32(std);
    }
    call.over(count);
  }

  private void axis(long from, long to) {
    call.i32(from).i32(to).f32((float) from / to);
  }
}

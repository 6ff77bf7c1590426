package dev.cocoli.backend.cuda.kernels;

import dev.cocoli.backend.primitives.Images;
import dev.cocoli.backend.spec.NormalizeSpec;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;

/** Images as bytes or floats to slots of a batch. */
final class ImageKernels implements Images {
  private static final String FILE = "image";
  private static final Kernel.Floats RESIZE_NORMALIZE_F32 =
      Kernel.floats(FILE, "resize_normalize_f32");
  private static final Kernel.Floats RESIZE_NORMALIZE_U8 =
      Kernel.floats(FILE, "resize_normalize_u8");

  private final KernelCall call;

  ImageKernels(KernelCall call) {
    this.call = call;
  }

  @Override
  public void resizeNormalize(
      NormalizeSpec spec, Tensor image, long height, long width, Tensor slot) {
    long count = slot.elementCount();
    if (count == 0) {
      return;
    }
    Kernel.Floats kernel = image.dtype() == DType.U8 ? RESIZE_NORMALIZE_U8 : RESIZE_NORMALIZE_F32;
    call.of(kernel.of(slot.dtype()))
        .tensor(image)
        .output(slot)
        .i64(count)
        .divider(slot.dim(1) * slot.dim(2), count);
    axis(image.dim(0), height);
    axis(image.dim(1), width);
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

package dev.cocoli.backend.cuda.kernels;

import dev.cocoli.backend.primitives.Upsampling;
import dev.cocoli.tensor.Tensor;

/** Enlarges maps to the nearest pixel, and back: {@code [N,H,W,C]}. */
final class UpsampleKernels implements Upsampling {
  private static final String FILE = "upsample";
  private static final ChannelPacks UPSAMPLE_NEAREST = ChannelPacks.of(FILE, "upsample_nearest");
  private static final ChannelPacks UPSAMPLE_NEAREST_BACKWARD =
      ChannelPacks.of(FILE, "upsample_nearest_backward");

  private final KernelCall call;

  UpsampleKernels(KernelCall call) {
    this.call = call;
  }

  @Override
  public void upsampleNearest(Tensor x, Tensor addend, Tensor y) {
    if (y.elementCount() == 0) {
      return;
    }
    ChannelPacks.Choice choice = UPSAMPLE_NEAREST.choose(y, x, addend);
    call.of(choice.kernel()).tensor(x).tensor(addend).output(y);
    launch(choice.width(), y, x, y);
  }

  @Override
  public void upsampleNearestBackward(Tensor dy, Tensor addend, Tensor dx) {
    if (dx.elementCount() == 0) {
      return;
    }
    ChannelPacks.Choice choice = UPSAMPLE_NEAREST_BACKWARD.choose(dx, dy, addend);
    call.of(choice.kernel()).tensor(dy).tensor(addend).output(dx);
    launch(choice.width(), dx, dx, dy);
  }

  /** Adds what both kernels take after their tensors. */
  private void launch(int width, Tensor written, Tensor small, Tensor large) {
    long count = written.elementCount() / width;
    call.i64(count)
        .divider(written.dim(3) / width, count)
        .divider(written.dim(2), count)
        .divider(written.dim(1), count);
    axis(small.dim(1), large.dim(1));
    axis(small.dim(2), large.dim(2));
    call.over(count);
  }

  private void axis(long from, long to) {
    call.i32(from).i32(to).f32((float) from / to).f32((float) to / from);
  }
}

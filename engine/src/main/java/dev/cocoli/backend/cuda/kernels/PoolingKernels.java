package dev.cocoli.backend.cuda.kernels;

import dev.cocoli.backend.primitives.Pooling;
import dev.cocoli.backend.spec.Pool2dSpec;
import dev.cocoli.tensor.Tensor;

/** Maximum over windows and its gradient: {@code [N,H,W,C]}. */
final class PoolingKernels implements Pooling {
  private static final String FILE = "pooling";
  private static final ChannelPacks MAX_POOL2D = ChannelPacks.of(FILE, "max_pool2d");
  private static final ChannelPacks MAX_POOL2D_BACKWARD =
      ChannelPacks.of(FILE, "max_pool2d_backward");

  private final KernelCall call;

  PoolingKernels(KernelCall call) {
    this.call = call;
  }

  @Override
  public void maxPool2d(Pool2dSpec spec, Tensor x, Tensor y, Tensor argmax) {
    if (y.elementCount() == 0) {
      return;
    }
    ChannelPacks.Choice choice = MAX_POOL2D.choose(y, x, argmax);
    long packs = y.dim(3) / choice.width();
    long count = y.elementCount() / choice.width();
    call.of(choice.kernel())
        .tensor(x)
        .output(y)
        .output(argmax)
        .i64(count)
        .i32(x.dim(1))
        .i32(x.dim(2))
        .divider(packs, count)
        .divider(y.dim(2), count)
        .divider(y.dim(1), count)
        .i32(spec.kernel())
        .i32(spec.stride())
        .i32(spec.padding())
        .over(count);
  }

  @Override
  public void maxPool2dBackward(Pool2dSpec spec, Tensor dy, Tensor argmax, Tensor dx) {
    if (dx.elementCount() == 0) {
      return;
    }
    ChannelPacks.Choice choice = MAX_POOL2D_BACKWARD.choose(dx, dy, argmax);
    long packs = dx.dim(3) / choice.width();
    long count = dx.elementCount() / choice.width();
    call.of(choice.kernel())
        .tensor(dy)
        .tensor(argmax)
        .output(dx)
        .i64(count)
        .i32(dy.dim(1))
        .i32(dy.dim(2))
        .divider(packs, count)
        .divider(dx.dim(2), count)
        .divider(dx.dim(1), count)
        .divider(spec.stride(), Math.max(dx.dim(1), dx.dim(2)) + spec.padding() + 1)
        .i32(spec.kernel())
        .i32(spec.padding())
        .over(count);
  }
}

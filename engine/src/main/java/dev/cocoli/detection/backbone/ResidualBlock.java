package dev.cocoli.detection.backbone;

import dev.cocoli.backend.spec.Activation;
import dev.cocoli.backend.spec.Conv2dSpec;
import dev.cocoli.nn.Conv2d;
import dev.cocoli.nn.Module;
import dev.cocoli.nn.Norm;
import dev.cocoli.ops.Ops;
import dev.cocoli.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongFunction;

/**
 * A residual block: {@code relu(branch(x) + shortcut(x))}. In: {@code [N,H,W,I]}; out: {@code
 * [N,H',W',O]}. torchvision's {@code BasicBlock} and {@code Bottleneck}, which differ in nothing
 * but their convolutions.
 */
final class ResidualBlock extends Module {
  private record Stage(Conv2d conv, Norm norm) {}

  private final List<Stage> branch = new ArrayList<>();
  private final Stage downsample;

  ResidualBlock(
      ResNetConfig.Block block, long in, long planes, int stride, LongFunction<Norm> norm) {
    long out = planes * block.expansion();
    switch (block) {
      case BASIC -> {
        stage(in, planes, Conv2dSpec.of(3, stride, 1), norm);
        stage(planes, planes, Conv2dSpec.of(3, 1, 1), norm);
      }
      case BOTTLENECK -> {
        stage(in, planes, Conv2dSpec.of(1, 1, 0), norm);
        stage(planes, planes, Conv2dSpec.of(3, stride, 1), norm);
        stage(planes, out, Conv2dSpec.of(1, 1, 0), norm);
      }
    }
    downsample = stride == 1 && in == out ? null : downsample(in, out, stride, norm);
  }

  private void stage(long in, long out, Conv2dSpec spec, LongFunction<Norm> norm) {
    int number = branch.size() + 1;
    branch.add(
        new Stage(
            child("conv" + number, Conv2d.beforeNorm(in, out, spec)),
            child("bn" + number, norm.apply(out))));
  }

  private Stage downsample(long in, long out, int stride, LongFunction<Norm> norm) {
    Conv2d conv = child("downsample.0", Conv2d.beforeNorm(in, out, Conv2dSpec.of(1, stride, 0)));
    return new Stage(conv, child("downsample.1", norm.apply(out)));
  }

  /**
   * The block's output; the input is the caller's to release. The first convolution comes before
   * the downsampling one, so that its gradient completes that of the input, and masks it.
   */
  Tensor forward(Ops ops, Tensor x) {
    Tensor inner = x;
    Tensor shortcut = null;
    for (Stage stage : branch) {
      if (stage == branch.getLast()) {
        shortcut =
            downsample == null
                ? x
                : downsample.norm.forward(ops, downsample.conv, x, null, Activation.NONE);
      }
      Tensor next = stage.norm.forward(ops, stage.conv, inner, shortcut, Activation.RELU);
      if (inner != x) {
        ops.release(inner);
      }
      inner = next;
    }
    if (shortcut != x) {
      ops.release(shortcut);
    }
    return inner;
  }
}

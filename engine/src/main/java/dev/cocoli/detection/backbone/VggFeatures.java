package dev.cocoli.detection.backbone;

import dev.cocoli.backend.spec.Activation;
import dev.cocoli.backend.spec.Conv2dSpec;
import dev.cocoli.backend.spec.Pool2dSpec;
import dev.cocoli.nn.Conv2d;
import dev.cocoli.nn.Initializer;
import dev.cocoli.nn.Module;
import dev.cocoli.ops.MapOps;
import dev.cocoli.ops.Ops;
import dev.cocoli.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * The thirteen convolutions of VGG-16 (torchvision's {@code vgg16().features} without the last
 * pooling). In: {@code [N,H,W,3]}; out: {@code [N,H/16,W/16,C]}.
 */
final class VggFeatures extends Module {
  static final Pool2dSpec POOL = new Pool2dSpec(2, 2, 0);
  private static final Conv2dSpec CONVOLUTION = Conv2dSpec.of(3, 1, 1);

  private final List<List<Conv2d>> stages = new ArrayList<>();

  /**
   * Builds the convolutions.
   *
   * @param config their widths
   * @param trainableStages how many stages, from the last on, are trained
   */
  VggFeatures(VggConfig config, int trainableStages) {
    if (trainableStages < 0 || trainableStages > 5) {
      throw new IllegalArgumentException(
          "trainable backbone layers are 0 to 5, not " + trainableStages);
    }
    long in = 3;
    int index = 0; // in torchvision's Sequential, where ReLUs and poolings count too
    for (int stage = 0; stage < VggConfig.CONVOLUTIONS.size(); stage++) {
      long out = config.widths().get(stage);
      List<Conv2d> convolutions = new ArrayList<>();
      for (int i = 0; i < VggConfig.CONVOLUTIONS.get(stage); i++) {
        Initializer initializer = Initializer.kaimingNormal(out * 9);
        Conv2d convolution = Conv2d.withBias(in, out, CONVOLUTION, initializer);
        convolutions.add(child(Integer.toString(index), convolution));
        if (trainableStages < 5 - stage) {
          convolution.freeze();
        }
        index += 2;
        in = out;
      }
      index++;
      stages.add(convolutions);
    }
  }

  Tensor forward(Ops ops, Tensor images) {
    Tensor x = images;
    for (List<Conv2d> stage : stages) {
      if (x != images) {
        Tensor pooled = new MapOps(ops).maxPool2d(POOL, x);
        ops.release(x);
        x = pooled;
      }
      for (Conv2d convolution : stage) {
        Tensor y = convolution.forward(ops, x, Activation.RELU);
        ops.release(x);
        x = y;
      }
    }
    return x;
  }
}

package dev.cocoli.examples;

import dev.cocoli.data.Dataset;
import dev.cocoli.detection.ModelSpec;
import dev.cocoli.detection.config.RcnnConfig;
import dev.cocoli.nn.Norm;

/** A Faster R-CNN that trains in seconds, for {@link ShapesInMemory}. */
final class SmallModel {
  private SmallModel() {}

  /** The model with the classes of a dataset. */
  static ModelSpec of(Dataset data) {
    return ModelSpec.of("fasterrcnn_tiny_fpn", data.classNames(), Norm.Type.BATCH)
        .withConfig(SmallModel::small);
  }

  /** Hyper-parameters for small images, on which a wide model would be a waste. */
  static RcnnConfig small(RcnnConfig config) {
    return config
        .withTransform(t -> t.withSizes(ShapesInMemory.SIDE, ShapesInMemory.SIDE))
        .withBackbone(b -> b.withNorm(Norm.Type.BATCH).withFpnOutChannels(32))
        .withRpn(r -> r.withPreNmsTopNTrain(300).withPostNmsTopNTrain(150))
        .withSampling(s -> s.withBatchSizePerImage(64))
        .withBoxHead(b -> b.withHeadSize(64));
  }
}

package dev.cocoli.examples;

import dev.cocoli.data.Dataset;
import dev.cocoli.detection.ModelSpec;
import dev.cocoli.nn.Norm;
import java.util.Map;

/** A Faster R-CNN that trains in seconds, for {@link ShapesInMemory}. */
final class SmallModel {
  private SmallModel() {}

  /** The model with the classes of a dataset. */
  static ModelSpec of(Dataset data) {
    String side = "" + ShapesInMemory.SIDE;
    return ModelSpec.of("fasterrcnn_tiny_fpn", data.classNames(), Norm.Type.BATCH)
        .with(
            Map.of(
                "min_size", side,
                "max_size", side,
                "anchor_sizes", "16,32,64,96,128",
                "fpn_out_channels", "32",
                "box_head_size", "64"));
  }
}

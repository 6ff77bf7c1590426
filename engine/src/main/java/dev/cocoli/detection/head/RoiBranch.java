package dev.cocoli.detection.head;

import dev.cocoli.detection.Found;
import dev.cocoli.detection.FoundPart;
import dev.cocoli.nn.Module;
import dev.cocoli.ops.Ops;
import dev.cocoli.tensor.Tensor;
import java.util.List;
import java.util.Map;

/**
 * A branch of {@link RoiHeads}: learns something of the regions that were drawn, such as masks, and
 * adds it to each detection. A branch may lie outside this library.
 */
public interface RoiBranch {
  /** {@return its modules under the names that they have in the state dict of the heads} */
  Map<String, Module> modules();

  /** {@return the names of its losses, each beginning with {@code loss_}; there may be none} */
  List<String> lossNames();

  /**
   * Records its losses on the tape. What it needs of the objects besides boxes and labels, it
   * uploads from {@code sample.groundTruth().targets()}.
   *
   * @param ops the forward pass
   * @param features what regions are pooled from; not released
   * @param sample the regions that were drawn
   * @param losses {@code [L]} in the order of {@link #lossNames}, to be written
   */
  void train(Ops ops, FeatureMaps features, RoiSampler.Sample sample, Tensor losses);

  /**
   * {@return the detections, perhaps with a {@link FoundPart} of this branch}
   *
   * @param ops a forward pass that records nothing
   * @param features what regions are pooled from; not released
   * @param found what the branches before it found
   */
  default Found detect(Ops ops, FeatureMaps features, Found found) {
    return found;
  }
}

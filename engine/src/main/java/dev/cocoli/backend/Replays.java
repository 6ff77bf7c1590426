package dev.cocoli.backend;

import dev.cocoli.tensor.Tensor;
import java.util.List;

/** Runs captured regions, or replays the calls that they made for the same key before. */
@FunctionalInterface
public interface Replays {
  /**
   * Runs a region that leaves nothing but its results. A device may remember its calls, and then
   * make them without running the region.
   *
   * @param key equal for the same calls
   * @param region the region; where it is remembered, its tensors live in another scope
   * @param scope where its tensors live
   * @param input its input; released
   * @return its results, valid until the next region runs, and at most as long as the scope
   */
  List<Tensor> run(CapturedRegion.Key key, CapturedRegion region, TensorScope scope, Tensor input);
}

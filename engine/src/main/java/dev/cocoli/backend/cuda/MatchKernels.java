package dev.cocoli.backend.cuda;

import dev.cocoli.backend.BoxCoderSpec;
import dev.cocoli.backend.BufferPool;
import dev.cocoli.backend.MatchSpec;
import dev.cocoli.backend.SampleSpec;
import dev.cocoli.tensor.Tensor;

/** Matches boxes with objects, draws samples and says what they are to learn. */
final class MatchKernels {
  private final KernelCall call;
  private final BufferPool pool;

  MatchKernels(KernelCall call, BufferPool pool) {
    this.call = call;
    this.pool = pool;
  }

  /** See {@link dev.cocoli.backend.Backend#matchBoxes}. */
  void matchBoxes(MatchSpec spec, Tensor boxes, Tensor truth, Tensor truthCounts, Tensor matches) {
    throw new UnsupportedOperationException("matchBoxes");
  }

  /** See {@link dev.cocoli.backend.Backend#sampleBalanced}. */
  void sampleBalanced(
      SampleSpec spec, Tensor matches, long[] seeds, Tensor indices, Tensor counts) {
    throw new UnsupportedOperationException("sampleBalanced");
  }

  /** See {@link dev.cocoli.backend.Backend#sampleTargets}. */
  void sampleTargets(
      BoxCoderSpec coder,
      Tensor boxes,
      Tensor indices,
      Tensor matches,
      Tensor truth,
      Tensor truthLabels,
      Tensor rois,
      Tensor labels,
      Tensor targets) {
    throw new UnsupportedOperationException("sampleTargets");
  }
}

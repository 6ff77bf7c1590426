package dev.cocoli.backend.cuda;

import dev.cocoli.backend.BoxCoderSpec;
import dev.cocoli.backend.BufferPool;
import dev.cocoli.tensor.Tensor;

/** Selects, decodes and suppresses boxes. */
final class ProposalKernels {
  private final KernelCall call;
  private final BufferPool pool;

  ProposalKernels(KernelCall call, BufferPool pool) {
    this.call = call;
    this.pool = pool;
  }

  /** See {@link dev.cocoli.backend.Backend#topK}. */
  void topK(Tensor scores, long[] levelOffsets, long[] k, Tensor indices) {
    throw new UnsupportedOperationException("topK");
  }

  /** See {@link dev.cocoli.backend.Backend#decodeProposals}. */
  void decodeProposals(
      BoxCoderSpec coder,
      Tensor deltas,
      Tensor logits,
      Tensor anchors,
      Tensor indices,
      Tensor imageSizes,
      float minSize,
      float minScore,
      Tensor boxes,
      Tensor scores) {
    throw new UnsupportedOperationException("decodeProposals");
  }

  /** See {@link dev.cocoli.backend.Backend#decodeDetections}. */
  void decodeDetections(
      BoxCoderSpec coder,
      Tensor logits,
      Tensor deltas,
      Tensor rois,
      Tensor imageSizes,
      float minSize,
      float scoreThreshold,
      Tensor boxes,
      Tensor scores) {
    throw new UnsupportedOperationException("decodeDetections");
  }

  /** See {@link dev.cocoli.backend.Backend#nms}. */
  void nms(
      float iouThreshold,
      Tensor boxes,
      Tensor scores,
      Tensor groups,
      Tensor indices,
      Tensor counts) {
    throw new UnsupportedOperationException("nms");
  }
}

package dev.cocoli.backend.primitives;

import dev.cocoli.backend.spec.BoxCoderSpec;
import dev.cocoli.tensor.Tensor;

/** Selects, decodes and suppresses boxes. Equal scores stand in the order of their indices. */
public interface Proposals {
  /**
   * The indices of each level's highest scores, in the order of falling scores; equal ones in the
   * order of the indices.
   *
   * @param scores {@code [N,A]}, without NaN
   * @param levelOffsets where each level begins along A, and A at the end
   * @param k how many to take of each level, at most its size
   * @param indices {@code [N,sum of k]}, written level by level; indices along A
   */
  void topK(Tensor scores, long[] levelOffsets, long[] k, Tensor indices);

  /**
   * Decodes chosen deltas against their anchors, clips them to the image and scores them; what is
   * too small or scores too low gets the score -1.
   *
   * @param coder weights
   * @param deltas {@code [N,A,4]}
   * @param logits {@code [N,A]}, of objectness; the score is their sigmoid
   * @param anchors {@code [A,4]}
   * @param indices {@code [N,K]}, which anchors
   * @param imageSizes F32 {@code [N,2]}, height and width of each image in its padded slot
   * @param minSize a box with a shorter side is dropped
   * @param minScore a box that scores less is dropped
   * @param boxes {@code [N,K,4]}, written
   * @param scores {@code [N,K]}, written
   */
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
      Tensor scores);

  /**
   * Decodes every region's boxes of all classes but the background, clips them to the image and
   * scores them by softmax; what is too small, scores too low or belongs to no region gets the
   * score -1.
   *
   * @param coder weights
   * @param logits {@code [N,M,K]}
   * @param deltas {@code [N,M,4K]}
   * @param rois {@code [N,M,5]}: image (negative: no region), box
   * @param imageSizes F32 {@code [N,2]}, height and width
   * @param minSize a box with a shorter side is dropped
   * @param scoreThreshold a box that does not score more is dropped
   * @param boxes {@code [N,M*(K-1),4]}, region by region, class by class; written
   * @param scores {@code [N,M*(K-1)]}, written
   */
  void decodeDetections(
      BoxCoderSpec coder,
      Tensor logits,
      Tensor deltas,
      Tensor rois,
      Tensor imageSizes,
      float minSize,
      float scoreThreshold,
      Tensor boxes,
      Tensor scores);

  /**
   * Non-maximum suppression within groups: a box goes if its IoU with a better one of its group
   * that stays is above the threshold. Boxes with negative scores do not take part. Equal scores
   * stand in the order of their indices.
   *
   * @param iouThreshold the threshold
   * @param boxes {@code [N,K,4]}
   * @param scores {@code [N,K]}
   * @param groups {@code [K]}, the same for every image
   * @param indices {@code [N,M]}: the best M that stay, by falling score; -1 after the last
   * @param counts {@code [N]}: how many were written
   */
  void nms(
      float iouThreshold,
      Tensor boxes,
      Tensor scores,
      Tensor groups,
      Tensor indices,
      Tensor counts);
}

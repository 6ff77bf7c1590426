package dev.cocoli.backend.primitives;

import dev.cocoli.backend.spec.BoxCoderSpec;
import dev.cocoli.backend.spec.MatchSpec;
import dev.cocoli.backend.spec.SampleKey;
import dev.cocoli.backend.spec.SampleSpec;
import dev.cocoli.tensor.Tensor;

/** Matches boxes with objects, draws samples of them, and writes what a sample is to learn. */
public interface Matching {
  /**
   * Matches boxes with objects by IoU without storing the matrix. Of equally good objects the first
   * wins. What has no width or no height is padding and gets {@link MatchSpec#BETWEEN_THRESHOLDS}.
   *
   * @param spec thresholds
   * @param boxes {@code [N,B,4]}, or {@code [1,B,4]} for the same boxes in every image
   * @param groundTruth {@code [N,G,4]}, the objects, in any order
   * @param groundTruthCounts {@code [N]}, how many an image has
   * @param matches {@code [N,B]}: the object's index, or {@link MatchSpec#BELOW_LOW_THRESHOLD} or
   *     {@link MatchSpec#BETWEEN_THRESHOLDS}
   */
  void matchBoxes(
      MatchSpec spec, Tensor boxes, Tensor groundTruth, Tensor groundTruthCounts, Tensor matches);

  /**
   * Draws matches and background at random without replacement: the candidates whose {@link
   * SampleKey} is smallest. The same seeds draw the same on every backend.
   *
   * @param spec how many
   * @param matches {@code [N,B]} of {@link #matchBoxes}
   * @param seeds one per image
   * @param indices {@code [N,S]}: the sample by rising index; -1 after the last
   * @param counts {@code [N]}: how many were drawn
   */
  void sampleBalanced(SampleSpec spec, Tensor matches, long[] seeds, Tensor indices, Tensor counts);

  /**
   * What a sample of boxes is to learn.
   *
   * @param coder weights
   * @param boxes {@code [N,B,4]} or {@code [1,B,4]}
   * @param indices {@code [N,S]} of {@link #sampleBalanced}
   * @param matches {@code [N,B]}
   * @param groundTruth {@code [N,G,4]}
   * @param groundTruthLabels {@code [N,G]}, or null if every object has label 1
   * @param rois {@code [N*S,5]}: image and box, image -1 where there is no sample; or null
   * @param labels {@code [N*S]}: the object's label, 0 for background, -1 where there is no sample
   * @param targets {@code [N*S,4]}: the deltas of the matched object, 0 where there is none
   */
  void sampleTargets(
      BoxCoderSpec coder,
      Tensor boxes,
      Tensor indices,
      Tensor matches,
      Tensor groundTruth,
      Tensor groundTruthLabels,
      Tensor rois,
      Tensor labels,
      Tensor targets);
}

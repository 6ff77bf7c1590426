package dev.cocoli.ops;

import static dev.cocoli.ops.Ops.require;

import dev.cocoli.backend.spec.BoxCoderSpec;
import dev.cocoli.backend.spec.MatchSpec;
import dev.cocoli.backend.spec.NormalizeSpec;
import dev.cocoli.backend.spec.SampleSpec;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import java.util.Arrays;

/**
 * Operations on boxes and images that have no gradient. Allocates results in the forward pass's
 * scope.
 */
public final class RegionOps {
  private final Ops ops;

  /**
   * Operations of a forward pass.
   *
   * @param ops the pass
   */
  public RegionOps(Ops ops) {
    this.ops = ops;
  }

  /**
   * Boxes with scores; a score of -1 marks one that was dropped.
   *
   * @param boxes {@code [N,K,4]}
   * @param scores {@code [N,K]}
   */
  public record ScoredBoxes(Tensor boxes, Tensor scores) {}

  /**
   * Rows chosen image by image.
   *
   * @param indices I32 {@code [N,M]}, -1 after the last
   * @param counts I32 {@code [N]}
   */
  public record Selection(Tensor indices, Tensor counts) {}

  /**
   * What a sample is to learn.
   *
   * @param rois {@code [N*S,5]}: image (-1: no sample) and box; null if not asked for
   * @param labels I32 {@code [N*S]}: class, 0 for background, -1 for no sample
   * @param targets {@code [N*S,4]}
   */
  public record SampleTargets(Tensor rois, Tensor labels, Tensor targets) {}

  /**
   * Resizes an image into a padded slot.
   *
   * @param spec mean and deviation
   * @param image {@code [h,w,3]} U8 or F32
   * @param height rows after resizing
   * @param width columns after resizing
   * @param slot {@code [H,W,3]}, F32 or BF16, overwritten
   */
  public void resizeNormalize(
      NormalizeSpec spec, Tensor image, long height, long width, Tensor slot) {
    require(image.shape().rank() == 3 && image.dim(2) == 3, "resize", image, slot);
    require(height >= 1 && height <= slot.dim(0), "resize to height " + height, image, slot);
    require(width >= 1 && width <= slot.dim(1), "resize to width " + width, image, slot);
    ops.backend().images().resizeNormalize(spec, image, height, width, slot);
  }

  /**
   * {@return the indices I32 {@code [N,K]} of each level's best scores}
   *
   * @param scores {@code [N,A]}
   * @param levelOffsets where each level begins, and A
   * @param perLevel the most to take of a level
   */
  public Tensor topK(Tensor scores, long[] levelOffsets, long perLevel) {
    require(
        scores.shape().rank() == 2 && levelOffsets[levelOffsets.length - 1] == scores.dim(1),
        "top k",
        scores,
        Arrays.toString(levelOffsets));
    long[] k = topKCounts(levelOffsets, perLevel);
    Tensor indices = ops.allocate(DType.I32, scores.dim(0), Arrays.stream(k).sum());
    ops.backend().proposals().topK(scores, levelOffsets, k, indices);
    return indices;
  }

  /**
   * {@return how many {@link #topK} takes of each level}
   *
   * @param levelOffsets where each level begins, and the end
   * @param perLevel the most to take of a level
   */
  public static long[] topKCounts(long[] levelOffsets, long perLevel) {
    long[] k = new long[levelOffsets.length - 1];
    for (int i = 0; i < k.length; i++) {
      k[i] = Math.min(perLevel, levelOffsets[i + 1] - levelOffsets[i]);
    }
    return k;
  }

  /**
   * {@return chosen anchors decoded, clipped and scored}
   *
   * @param coder weights
   * @param deltas {@code [N,A,4]}
   * @param logits {@code [N,A]}
   * @param anchors {@code [A,4]}
   * @param indices I32 {@code [N,K]}
   * @param imageSizes {@code [N,2]}, height and width
   * @param minSize a box with a shorter side is dropped
   * @param minScore a box that scores less is dropped
   */
  public ScoredBoxes decodeProposals(
      BoxCoderSpec coder,
      Tensor deltas,
      Tensor logits,
      Tensor anchors,
      Tensor indices,
      Tensor imageSizes,
      float minSize,
      float minScore) {
    require(
        deltas.dim(1) == anchors.dim(0) && logits.dim(1) == anchors.dim(0),
        "proposals",
        deltas,
        anchors);
    ScoredBoxes result = scoredBoxes(indices.dim(0), indices.dim(1));
    ops.backend()
        .proposals()
        .decodeProposals(
            coder,
            deltas,
            logits,
            anchors,
            indices,
            imageSizes,
            minSize,
            minScore,
            result.boxes,
            result.scores);
    return result;
  }

  /**
   * {@return the boxes of every region and class but the background, decoded, clipped and scored}
   *
   * @param coder weights
   * @param logits {@code [N,M,K]}
   * @param deltas {@code [N,M,4K]}
   * @param rois {@code [N,M,5]}
   * @param imageSizes {@code [N,2]}, height and width
   * @param minSize a box with a shorter side is dropped
   * @param scoreThreshold a box that does not score more is dropped
   */
  public ScoredBoxes decodeDetections(
      BoxCoderSpec coder,
      Tensor logits,
      Tensor deltas,
      Tensor rois,
      Tensor imageSizes,
      float minSize,
      float scoreThreshold) {
    require(deltas.dim(2) == 4 * logits.dim(2), "detections", logits, deltas);
    require(rois.dim(1) == logits.dim(1), "detections", logits, rois);
    ScoredBoxes result = scoredBoxes(logits.dim(0), logits.dim(1) * (logits.dim(2) - 1));
    ops.backend()
        .proposals()
        .decodeDetections(
            coder,
            logits,
            deltas,
            rois,
            imageSizes,
            minSize,
            scoreThreshold,
            result.boxes,
            result.scores);
    return result;
  }

  private ScoredBoxes scoredBoxes(long images, long boxes) {
    return new ScoredBoxes(
        ops.allocate(DType.F32, images, boxes, 4), ops.allocate(DType.F32, images, boxes));
  }

  /**
   * {@return the best boxes that stay after non-maximum suppression within groups, by falling
   * score}
   *
   * @param iouThreshold above this overlap the worse box goes
   * @param candidates the boxes
   * @param groups I32 {@code [K]}
   * @param most how many to keep at most
   */
  public Selection nms(float iouThreshold, ScoredBoxes candidates, Tensor groups, long most) {
    long images = candidates.scores.dim(0);
    long count = candidates.scores.dim(1);
    require(groups.elementCount() == count, "nms", candidates.scores, groups);
    Selection kept =
        new Selection(
            ops.allocate(DType.I32, images, Math.min(most, count)),
            ops.allocate(DType.I32, images));
    ops.backend()
        .proposals()
        .nms(iouThreshold, candidates.boxes, candidates.scores, groups, kept.indices, kept.counts);
    return kept;
  }

  /**
   * {@return a selection cut to the longest image's count, where knowing that is free; one place is
   * left where all are empty, so that no layer sees a tensor without rows}
   *
   * @param selection what was chosen
   */
  public Selection compact(Selection selection) {
    long width = selection.indices.dim(1);
    long bound = Math.max(1, ops.backend().transfers().upperBound(selection.counts, width));
    if (bound >= width) {
      return selection;
    }
    long images = selection.indices.dim(0);
    Tensor indices = ops.allocate(DType.I32, images, bound);
    ops.backend().copies().copyColumns(selection.indices, 0, indices, 0, bound);
    ops.release(selection.indices);
    return new Selection(indices, selection.counts);
  }

  /**
   * {@return for each box its object's index, or one of {@link MatchSpec}'s negative marks; I32
   * {@code [N,B]}}
   *
   * @param spec thresholds
   * @param boxes {@code [N,B,4]} or {@code [1,B,4]}
   * @param objects {@code [N,G,4]}
   * @param counts I32 {@code [N]}, how many objects an image has
   */
  public Tensor match(MatchSpec spec, Tensor boxes, Tensor objects, Tensor counts) {
    Tensor matches = ops.allocate(DType.I32, counts.dim(0), boxes.dim(1));
    ops.backend().matching().matchBoxes(spec, boxes, objects, counts, matches);
    return matches;
  }

  /**
   * {@return a random sample of matches and background of each image}
   *
   * @param spec how many
   * @param matches I32 {@code [N,B]}
   * @param seeds one per image
   */
  public Selection sample(SampleSpec spec, Tensor matches, long[] seeds) {
    require(seeds.length == matches.dim(0), "sample", matches, seeds.length);
    Selection sample =
        new Selection(
            ops.allocate(
                DType.I32, matches.dim(0), Math.min(spec.batchSizePerImage(), matches.dim(1))),
            ops.allocate(DType.I32, matches.dim(0)));
    ops.backend().matching().sampleBalanced(spec, matches, seeds, sample.indices, sample.counts);
    return sample;
  }

  /**
   * {@return what a sample of anchors is to learn: label 1 for an object, no regions}
   *
   * @param coder weights
   * @param anchors {@code [1,A,4]}
   * @param sample which
   * @param matches I32 {@code [N,A]}
   * @param objects {@code [N,G,4]}
   */
  public SampleTargets anchorTargets(
      BoxCoderSpec coder, Tensor anchors, Selection sample, Tensor matches, Tensor objects) {
    return targets(coder, anchors, sample, matches, objects, null, null);
  }

  /**
   * {@return what a sample of proposals is to learn, and the regions themselves}
   *
   * @param coder weights
   * @param boxes {@code [N,B,4]}
   * @param sample which
   * @param matches I32 {@code [N,B]}
   * @param objects {@code [N,G,4]}
   * @param labels I32 {@code [N,G]}
   */
  public SampleTargets regionTargets(
      BoxCoderSpec coder,
      Tensor boxes,
      Selection sample,
      Tensor matches,
      Tensor objects,
      Tensor labels) {
    Tensor rois = ops.allocate(DType.F32, sample.indices.elementCount(), 5);
    return targets(coder, boxes, sample, matches, objects, labels, rois);
  }

  private SampleTargets targets(
      BoxCoderSpec coder,
      Tensor boxes,
      Selection sample,
      Tensor matches,
      Tensor objects,
      Tensor labels,
      Tensor rois) {
    require(boxes.dim(1) == matches.dim(1), "targets", boxes, matches);
    long rows = sample.indices.elementCount();
    SampleTargets result =
        new SampleTargets(rois, ops.allocate(DType.I32, rows), ops.allocate(DType.F32, rows, 4));
    ops.backend()
        .matching()
        .sampleTargets(
            coder,
            boxes,
            sample.indices,
            matches,
            objects,
            labels,
            rois,
            result.labels,
            result.targets);
    return result;
  }
}

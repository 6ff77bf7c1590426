package dev.cocoli.detection.head;

import dev.cocoli.backend.spec.BoxCoderSpec;
import dev.cocoli.backend.spec.MatchSpec;
import dev.cocoli.backend.spec.SampleSpec;
import dev.cocoli.detection.GroundTruth;
import dev.cocoli.detection.config.SamplingConfig;
import dev.cocoli.ops.Ops;
import dev.cocoli.ops.RegionOps;
import dev.cocoli.ops.RegionOps.SampleTargets;
import dev.cocoli.ops.RegionOps.Selection;
import dev.cocoli.tensor.Tensor;
import java.util.List;

/**
 * Draws the proposals that RoI heads are trained on (torchvision's {@code
 * select_training_samples}). In: proposals {@code [N,M,4]} and the ground truth; out: for each
 * image some of these and of the objects themselves, matched.
 *
 * @param config how many, and what counts as an object
 */
public record RoiSampler(SamplingConfig config) {

  /**
   * Proposals that were drawn.
   *
   * @param candidates {@code [N,P,4]}: the proposals, then the objects
   * @param selection which of them were drawn
   * @param matches I32 {@code [N,P]}: the object that each candidate belongs to
   * @param groundTruth the objects
   */
  public record Sample(
      Tensor candidates, Selection selection, Tensor matches, GroundTruth groundTruth) {
    /**
     * {@return the drawn regions {@code [R,5]}, their labels and what their boxes should become}
     *
     * @param ops the forward pass
     * @param coder how boxes are written relative to regions
     */
    public SampleTargets targets(Ops ops, BoxCoderSpec coder) {
      return new RegionOps(ops)
          .regionTargets(
              coder, candidates, selection, matches, groundTruth.boxes(), groundTruth.labels());
    }

    /**
     * {@return the object that each drawn region belongs to, I32 {@code [N,S]}: its place among the
     * image's objects; negative for background and after the last region}
     *
     * @param ops the forward pass
     */
    public Tensor objects(Ops ops) {
      Tensor column = matches.reshape(matches.dim(0), matches.dim(1), 1);
      return ops.gatherRows(column, selection.indices())
          .reshape(selection.indices().dim(0), selection.indices().dim(1));
    }
  }

  /**
   * {@return a sample of each image}
   *
   * @param ops the forward pass
   * @param proposals regions that may hold an object
   * @param groundTruth the objects
   * @param seeds one per image
   */
  public Sample sample(Ops ops, Proposals proposals, GroundTruth groundTruth, long[] seeds) {
    return sample(
        ops, withObjects(ops, proposals.boxes(), groundTruth.boxes()), groundTruth, seeds);
  }

  /**
   * {@return a sample of candidates to which nothing is added}
   *
   * @param ops the forward pass
   * @param candidates {@code [N,P,4]}
   * @param groundTruth the objects
   * @param seeds one per image
   */
  public Sample sample(Ops ops, Tensor candidates, GroundTruth groundTruth, long[] seeds) {
    RegionOps regions = new RegionOps(ops);
    MatchSpec matching =
        new MatchSpec(config.fgIouThresh(), config.bgIouThresh(), MatchSpec.LowQuality.REFUSE)
            .ignoringBelow(config.bgIouMin());
    SampleSpec sampling = new SampleSpec(config.batchSizePerImage(), config.positiveFraction());
    Tensor matches = regions.match(matching, candidates, groundTruth.boxes(), groundTruth.counts());
    Selection selection = regions.compact(regions.sample(sampling, matches, seeds));
    return new Sample(candidates, selection, matches, groundTruth);
  }

  /** Places after an image's last box or object hold a box of no extent, which is never sampled. */
  private static Tensor withObjects(Ops ops, Tensor proposals, Tensor objects) {
    long images = proposals.dim(0);
    Tensor joined =
        ops.concatColumns(
            List.of(
                proposals.reshape(images, proposals.dim(1) * 4),
                objects.reshape(images, objects.dim(1) * 4)));
    return joined.reshape(images, proposals.dim(1) + objects.dim(1), 4);
  }
}

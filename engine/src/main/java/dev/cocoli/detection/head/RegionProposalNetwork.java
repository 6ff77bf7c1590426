package dev.cocoli.detection.head;

import dev.cocoli.backend.spec.BoxCoderSpec;
import dev.cocoli.backend.spec.MatchSpec;
import dev.cocoli.backend.spec.SampleSpec;
import dev.cocoli.detection.GroundTruth;
import dev.cocoli.detection.ImageBatch;
import dev.cocoli.detection.config.RpnConfig;
import dev.cocoli.nn.Module;
import dev.cocoli.ops.Losses;
import dev.cocoli.ops.Ops;
import dev.cocoli.ops.RegionOps;
import dev.cocoli.ops.RegionOps.SampleTargets;
import dev.cocoli.ops.RegionOps.ScoredBoxes;
import dev.cocoli.ops.RegionOps.Selection;
import dev.cocoli.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Proposes regions (Ren et al. 2015; torchvision's {@code RegionProposalNetwork}). In: maps {@code
 * [N,H,W,C]}, finest first; out: proposals {@code [N,M,4]}, and in training two losses.
 */
public final class RegionProposalNetwork extends Module {
  /** A proposal with a shorter side, in pixels, is dropped: torchvision's {@code min_size}. */
  public static final float MIN_BOX_SIDE = 1e-3f;

  /** Where the loss of boxes turns from a parabola to a line: torchvision's. */
  private static final float SMOOTH_L1_BETA = 1f / 9;

  private final RpnConfig config;
  private final AnchorGenerator anchorGenerator;
  private final RpnHead head;

  /**
   * Builds the network.
   *
   * @param config its hyper-parameters
   * @param anchorGenerator the anchors of the maps
   * @param head scores and regresses them
   */
  public RegionProposalNetwork(RpnConfig config, AnchorGenerator anchorGenerator, RpnHead head) {
    this.config = config;
    this.anchorGenerator = anchorGenerator;
    this.head = child("head", head);
  }

  /** {@return the anchors of its maps} */
  public AnchorGenerator anchorGenerator() {
    return anchorGenerator;
  }

  /** Scores, deltas and anchors of a batch. */
  private record Predictions(
      Tensor objectness, Tensor deltas, Tensor anchors, long[] levelOffsets) {}

  /** All that the anchors of a batch depend on. */
  private record AnchorsKey(
      AnchorGenerator generator, long height, long width, List<List<Long>> mapSizes) {
    float[] generate() {
      return generator.generate(
          height,
          width,
          mapSizes.stream().map(size -> new long[] {size.get(0), size.get(1)}).toList());
    }
  }

  /** All that the level numbers of the candidates of an image depend on. */
  private record LevelsKey(List<Long> counts) {
    int[] generate() {
      int[] levels = new int[Math.toIntExact(total())];
      int at = 0;
      for (int level = 0; level < counts.size(); level++) {
        int end = at + Math.toIntExact(counts.get(level));
        Arrays.fill(levels, at, end, level);
        at = end;
      }
      return levels;
    }

    long total() {
      return counts.stream().mapToLong(Long::longValue).sum();
    }
  }

  /**
   * Maps, and what the network's head says of every anchor on them.
   *
   * @param maps {@code [N,H,W,C]}, finest first
   * @param objectness {@code [N,A]}
   * @param deltas {@code [N,A,4]}
   */
  public record ScoredMaps(List<Tensor> maps, Tensor objectness, Tensor deltas) {
    /**
     * What {@link #toList} made a list of.
     *
     * @param tensors the list
     * @return the maps
     */
    public static ScoredMaps of(List<Tensor> tensors) {
      int maps = tensors.size() - 2;
      return new ScoredMaps(tensors.subList(0, maps), tensors.get(maps), tensors.get(maps + 1));
    }

    /** {@return all tensors in one list, for {@link #of}} */
    public List<Tensor> toList() {
      List<Tensor> tensors = new ArrayList<>(maps);
      tensors.add(objectness);
      tensors.add(deltas);
      return tensors;
    }
  }

  /**
   * {@return maps with the head's outputs}
   *
   * @param ops the forward pass
   * @param maps {@code [N,H,W,C]}, finest first
   */
  public ScoredMaps score(Ops ops, List<Tensor> maps) {
    RpnHead.Output output = head.forward(learnsFromPatches(maps) ? ops.untracked() : ops, maps);
    return new ScoredMaps(maps, output.objectness(), output.deltas());
  }

  private boolean learnsFromPatches(List<Tensor> maps) {
    return head.learnsFromPatches(maps, config.batchSizePerImage());
  }

  /**
   * {@return the proposals for detection}
   *
   * @param ops the forward pass
   * @param batch the images
   * @param maps their maps
   */
  public Proposals propose(Ops ops, ImageBatch batch, ScoredMaps maps) {
    Predictions predictions = predict(ops, batch, maps);
    return propose(ops, batch, predictions, config.preNmsTopNTest(), config.postNmsTopNTest());
  }

  /** {@return the names of its losses} */
  public List<String> lossNames() {
    return List.of("loss_objectness", "loss_rpn_box_reg");
  }

  /**
   * Records the losses and makes the proposals for training.
   *
   * @param ops the forward pass
   * @param batch the images
   * @param maps their maps
   * @param groundTruth the objects
   * @param seeds of the sampler, one per image
   * @param written gets the losses {@code [2]}, in the order of {@link #lossNames}
   * @return the proposals
   */
  public Proposals train(
      Ops ops,
      ImageBatch batch,
      ScoredMaps maps,
      GroundTruth groundTruth,
      long[] seeds,
      Tensor written) {
    Predictions predictions = predict(ops, batch, maps);
    Proposals proposals =
        propose(ops, batch, predictions, config.preNmsTopNTrain(), config.postNmsTopNTrain());
    RegionOps regions = new RegionOps(ops);
    MatchSpec matching =
        new MatchSpec(config.fgIouThresh(), config.bgIouThresh(), MatchSpec.LowQuality.ALLOW);
    SampleSpec sampling = new SampleSpec(config.batchSizePerImage(), config.positiveFraction());
    Tensor anchors = predictions.anchors.reshape(1, predictions.anchors.dim(0), 4);
    Tensor matches = regions.match(matching, anchors, groundTruth.boxes(), groundTruth.counts());
    Selection sample = regions.sample(sampling, matches, seeds);
    SampleTargets targets =
        regions.anchorTargets(BoxCoderSpec.UNIT, anchors, sample, matches, groundTruth.boxes());
    RpnHead.Output sampled =
        learnsFromPatches(maps.maps)
            ? head.forward(ops, maps.maps, sample.indices())
            : rows(ops, predictions, sample.indices());
    Losses losses = new Losses(ops);
    losses.sigmoidCrossEntropy(sampled.objectness(), targets.labels(), written.rows(0, 1));
    losses.smoothL1(
        SMOOTH_L1_BETA, sampled.deltas(), targets.targets(), targets.labels(), written.rows(1, 1));
    return proposals;
  }

  /** What the head says of some anchors: objectness {@code [N*S]}, deltas {@code [N*S,4]}. */
  private static RpnHead.Output rows(Ops ops, Predictions predictions, Tensor indices) {
    long rows = indices.elementCount();
    Tensor logits = predictions.objectness;
    Tensor column = ops.reshape(logits, logits.dim(0), logits.dim(1), 1);
    return new RpnHead.Output(
        ops.reshape(ops.gatherRows(column, indices), rows),
        ops.reshape(ops.gatherRows(predictions.deltas, indices), rows, 4));
  }

  private Predictions predict(Ops ops, ImageBatch batch, ScoredMaps scored) {
    List<List<Long>> mapSizes =
        scored.maps.stream().map(map -> List.of(map.dim(1), map.dim(2))).toList();
    long[] levelOffsets = new long[mapSizes.size() + 1];
    for (int i = 0; i < mapSizes.size(); i++) {
      List<Long> size = mapSizes.get(i);
      levelOffsets[i + 1] =
          levelOffsets[i] + size.get(0) * size.get(1) * anchorGenerator.perLocation();
    }
    AnchorsKey key =
        new AnchorsKey(anchorGenerator, batch.images().dim(1), batch.images().dim(2), mapSizes);
    Tensor anchors =
        ops.constants().floats(key, key::generate, levelOffsets[levelOffsets.length - 1], 4);
    return new Predictions(scored.objectness, scored.deltas, anchors, levelOffsets);
  }

  private Proposals propose(
      Ops ops, ImageBatch batch, Predictions predictions, long preNmsTopN, long postNmsTopN) {
    RegionOps regions = new RegionOps(ops);
    Tensor best = regions.topK(predictions.objectness, predictions.levelOffsets, preNmsTopN);
    ScoredBoxes boxes =
        regions.decodeProposals(
            BoxCoderSpec.UNIT,
            predictions.deltas,
            predictions.objectness,
            predictions.anchors,
            best,
            batch.imageSizes(),
            MIN_BOX_SIDE,
            config.scoreThresh());
    Tensor groups = levelOfEach(ops, predictions.levelOffsets, preNmsTopN);
    Selection kept = regions.compact(regions.nms(config.nmsThresh(), boxes, groups, postNmsTopN));
    return new Proposals(ops.gatherRows(boxes.boxes(), kept.indices()), kept.counts());
  }

  /** Suppression stays within a map: the number of the map that each candidate comes from. */
  private static Tensor levelOfEach(Ops ops, long[] levelOffsets, long preNmsTopN) {
    LevelsKey key =
        new LevelsKey(
            Arrays.stream(RegionOps.topKCounts(levelOffsets, preNmsTopN)).boxed().toList());
    return ops.constants().ints(key, key::generate, key.total());
  }
}

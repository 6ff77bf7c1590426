package com.example.model;

import dev.cocoli.backend.spec.Activation;
import dev.cocoli.backend.spec.BoxCoderSpec;
import dev.cocoli.detection.Found;
import dev.cocoli.detection.GroundTruth;
import dev.cocoli.detection.head.BoxBranch;
import dev.cocoli.detection.head.BoxHead;
import dev.cocoli.detection.head.FeatureMaps;
import dev.cocoli.detection.head.Proposals;
import dev.cocoli.detection.head.RoiHeads;
import dev.cocoli.detection.head.RoiPooler;
import dev.cocoli.detection.head.RoiSampler;
import dev.cocoli.nn.Linear;
import dev.cocoli.ops.Losses;
import dev.cocoli.ops.Ops;
import dev.cocoli.ops.RegionOps;
import dev.cocoli.ops.RegionOps.SampleTargets;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * RoI heads with a stage before them that refines the proposals, whatever their class (Cai and
 * Vasconcelos 2018, with two stages).
 */
final class CascadeHeads extends RoiHeads {
  private static final BoxCoderSpec CODER = BoxCoderSpec.BOX_HEAD;

  private final RoiSampler firstSampler;
  private final RoiPooler pooler;
  private final BoxHead firstHead;
  private final Linear firstScore;
  private final Linear firstDeltas;

  CascadeHeads(
      RoiSampler firstSampler,
      RoiPooler pooler,
      BoxHead firstHead,
      RoiSampler lastSampler,
      BoxBranch last) {
    super(lastSampler, last);
    this.firstSampler = firstSampler;
    this.pooler = pooler;
    this.firstHead = child("first_head", firstHead);
    firstScore = child("first_score", new Linear(firstHead.outFeatures(), last.classes()));
    firstDeltas = child("first_deltas", new Linear(firstHead.outFeatures(), 4));
  }

  @Override
  public List<String> lossNames() {
    List<String> names = new ArrayList<>(List.of("loss_classifier_first", "loss_box_reg_first"));
    names.addAll(super.lossNames());
    return names;
  }

  @Override
  public void train(
      Ops ops,
      FeatureMaps features,
      Proposals proposals,
      GroundTruth groundTruth,
      long[] seeds,
      Tensor losses) {
    RoiSampler.Sample sample = firstSampler.sample(ops, proposals, groundTruth, seeds);
    SampleTargets targets = sample.targets(ops, CODER);
    Tensor described = describe(ops, features, targets.rois());
    Tensor deltas = firstDeltas.predict(ops, described);
    Losses written = new Losses(ops);
    written.softmaxCrossEntropy(
        firstScore.predict(ops, described), targets.labels(), losses.rows(0, 1));
    written.smoothL1(1f / 9, deltas, targets.targets(), targets.labels(), losses.rows(1, 1));
    Tensor drawn = ops.gatherRows(sample.candidates(), sample.selection().indices());
    Proposals refined =
        new Proposals(refine(ops, features, drawn, deltas), sample.selection().counts());
    long rest = losses.elementCount() - 2;
    super.train(ops, features, refined, groundTruth, seeds, losses.rows(2, rest));
  }

  @Override
  public Found detect(Ops ops, FeatureMaps features, Proposals proposals) {
    Tensor described = describe(ops, features, withImageNumbers(ops, proposals.boxes()));
    Tensor deltas = firstDeltas.forward(ops, described, Activation.NONE);
    Tensor refined = refine(ops, features, proposals.boxes(), deltas);
    return super.detect(ops, features, new Proposals(refined, proposals.counts()));
  }

  private Tensor describe(Ops ops, FeatureMaps features, Tensor rois) {
    return firstHead.forward(ops, pooler.forward(ops, features.batch(), features.maps(), rois));
  }

  /** The boxes {@code [N,M,4]} moved by deltas {@code [N*M,4]}; no gradient goes this way. */
  private static Tensor refine(Ops ops, FeatureMaps features, Tensor boxes, Tensor deltas) {
    long images = boxes.dim(0);
    long perImage = boxes.dim(1);
    int[] all = new int[Math.toIntExact(perImage)];
    Arrays.setAll(all, i -> i);
    Tensor order = ops.upload(all, 1, perImage);
    Tensor scores = ops.upload(new float[all.length], 1, perImage);
    Tensor refined = ops.allocate(DType.F32, images, perImage, 4);
    for (long image = 0; image < images; image++) {
      Tensor moved =
          new RegionOps(ops)
              .decodeProposals(
                  CODER,
                  deltas.rows(image * perImage, perImage).reshape(1, perImage, 4),
                  scores,
                  boxes.rows(image, 1).reshape(perImage, 4),
                  order,
                  features.batch().imageSizes().rows(image, 1),
                  0,
                  0)
              .boxes();
      ops.backend().copies().copy(moved, refined.rows(image, 1));
    }
    return refined;
  }
}

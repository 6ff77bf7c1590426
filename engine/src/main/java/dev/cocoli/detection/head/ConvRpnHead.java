package dev.cocoli.detection.head;

import dev.cocoli.backend.spec.Activation;
import dev.cocoli.backend.spec.Conv2dSpec;
import dev.cocoli.backend.spec.PatchSpec;
import dev.cocoli.nn.Conv2d;
import dev.cocoli.nn.Initializer;
import dev.cocoli.nn.JoinedConv2d;
import dev.cocoli.ops.Ops;
import dev.cocoli.ops.Patches;
import dev.cocoli.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * Scores and regresses anchors by a convolution over every map, with the same weights
 * (torchvision's {@code RPNHead}). In: maps {@code [N,H,W,C]}; out: objectness {@code [N,A]},
 * deltas {@code [N,A,4]}.
 */
public final class ConvRpnHead extends RpnHead {
  /** torchvision's. */
  private static final Initializer INITIALIZER = new Initializer.Normal(0.01);

  /** Pixels along each axis that the scores of an anchor depend on. */
  private static final int WINDOW = 3;

  private final PatchSpec patches;
  private final Conv2d conv;
  private final Conv2d clsLogits;
  private final Conv2d bboxPred;

  /** Both predictors, deltas first: where nothing is recorded, the maps are read once. */
  private final JoinedConv2d predictors;

  /**
   * Builds the layers.
   *
   * @param channels C
   * @param anchors how many there are at each place of a map
   */
  public ConvRpnHead(long channels, long anchors) {
    patches = new PatchSpec(WINDOW, Math.toIntExact(anchors));
    Conv2dSpec point = Conv2dSpec.of(1, 1, 0);
    conv =
        child(
            "conv.0.0",
            Conv2d.withBias(channels, channels, Conv2dSpec.of(WINDOW, 1, WINDOW / 2), INITIALIZER));
    clsLogits = child("cls_logits", Conv2d.withBias(channels, anchors, point, INITIALIZER));
    bboxPred = child("bbox_pred", Conv2d.withBias(channels, 4 * anchors, point, INITIALIZER));
    predictors = child("predictors", new JoinedConv2d(List.of(bboxPred, clsLogits)));
  }

  /** Before torchvision 0.13 the convolution was {@code conv}. */
  @Override
  protected String currentKey(String key) {
    return key.replaceFirst("^conv\\.(weight|bias)$", "conv.0.0.$1");
  }

  @Override
  public Output forward(Ops ops, List<Tensor> maps) {
    return ops.tape().isRecording() ? recorded(ops, maps) : joined(ops, maps);
  }

  private Output joined(Ops ops, List<Tensor> maps) {
    List<Tensor> predictions = new ArrayList<>();
    for (Tensor map : maps) {
      Tensor hidden = conv.forward(ops, map, Activation.RELU);
      Tensor both = predictors.predict(ops, hidden);
      ops.release(hidden);
      predictions.add(both.reshape(both.dim(0), both.dim(1) * both.dim(2), both.dim(3)));
    }
    long anchors = patches.anchorsPerLocation();
    Tensor deltas = ops.concatColumns(predictions, 0, 4 * anchors);
    Tensor objectness = ops.concatColumns(predictions, 4 * anchors, anchors);
    predictions.forEach(ops::release);
    return new Output(objectness, deltas.reshape(deltas.dim(0), deltas.dim(1) / 4, 4));
  }

  private Output recorded(Ops ops, List<Tensor> maps) {
    List<Tensor> objectness = new ArrayList<>();
    List<Tensor> deltas = new ArrayList<>();
    for (Tensor map : maps) {
      Tensor hidden = conv.forward(ops, map, Activation.RELU);
      objectness.add(flatten(ops, clsLogits.predict(ops, hidden)));
      deltas.add(flatten(ops, bboxPred.predict(ops, hidden)));
      ops.release(hidden);
    }
    Tensor joinedDeltas = join(ops, deltas);
    return new Output(
        join(ops, objectness),
        ops.reshape(joinedDeltas, joinedDeltas.dim(0), joinedDeltas.dim(1) / 4, 4));
  }

  /**
   * {@inheritDoc}
   *
   * <p>Only sampled anchors have a gradient, and proposals need none, so that a backward pass over
   * whole maps would multiply zeros. Not where more anchors are sampled than there are locations.
   */
  @Override
  public boolean learnsFromPatches(List<Tensor> maps, long samplesPerImage) {
    long locations = maps.stream().mapToLong(map -> map.dim(1) * map.dim(2)).sum();
    return samplesPerImage <= locations;
  }

  @Override
  public Output forward(Ops ops, List<Tensor> maps, Tensor anchors) {
    Patches around = Patches.gather(ops, patches, maps, anchors);
    Tensor hidden = conv.forwardWithin(ops, around.pixels(), Activation.RELU);
    long rows = anchors.elementCount();
    long perLocation = patches.anchorsPerLocation();
    Tensor logits = ops.reshape(clsLogits.predict(ops, hidden), rows, perLocation, 1);
    Tensor deltas = ops.reshape(bboxPred.predict(ops, hidden), rows, perLocation, 4);
    return new Output(
        ops.reshape(ops.gatherRows(logits, around.slots()), rows),
        ops.reshape(ops.gatherRows(deltas, around.slots()), rows, 4));
  }

  private static Tensor flatten(Ops ops, Tensor map) {
    return ops.reshape(map, map.dim(0), map.dim(1) * map.dim(2) * map.dim(3));
  }

  private static Tensor join(Ops ops, List<Tensor> parts) {
    Tensor joined = ops.concatColumns(parts);
    parts.forEach(ops::release);
    return joined;
  }
}

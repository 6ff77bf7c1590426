package dev.cocoli.detection.head;

import dev.cocoli.nn.Module;
import dev.cocoli.ops.Ops;
import dev.cocoli.tensor.Tensor;
import java.util.List;

/**
 * Scores and regresses every anchor of every map. In: maps {@code [N,H,W,C]}; out: objectness
 * {@code [N,A]}, deltas {@code [N,A,4]}, A over all maps in the order of the anchors. A subclass
 * may lie outside this library; {@link ConvRpnHead} is torchvision's.
 */
public abstract class RpnHead extends Module {
  /** For subclasses. */
  protected RpnHead() {}

  /**
   * What is said of anchors.
   *
   * @param objectness a logit for each
   * @param deltas four numbers for each
   */
  public record Output(Tensor objectness, Tensor deltas) {}

  /**
   * {@return objectness {@code [N,A]} and deltas {@code [N,A,4]}} It makes the same calls whenever
   * maps have the same shapes, because it may be captured.
   *
   * @param ops the forward pass
   * @param maps finest first; not released
   */
  public abstract Output forward(Ops ops, List<Tensor> maps);

  /**
   * {@return whether training computes the sampled anchors anew, from the patches of the maps that
   * they depend on, rather than go back through whole maps}
   *
   * @param maps finest first
   * @param samplesPerImage how many anchors are sampled
   */
  public boolean learnsFromPatches(List<Tensor> maps, long samplesPerImage) {
    return false;
  }

  /**
   * {@return what {@link #forward(Ops, List)} computes for some anchors: objectness {@code [N*S]}
   * and deltas {@code [N*S,4]}, zeros where there is no anchor; called only if it {@link
   * #learnsFromPatches}}
   *
   * @param ops the forward pass
   * @param maps finest first; not released
   * @param anchors I32 {@code [N,S]}; negative for none
   */
  public Output forward(Ops ops, List<Tensor> maps, Tensor anchors) {
    throw new UnsupportedOperationException(getClass() + " learns from whole maps");
  }
}

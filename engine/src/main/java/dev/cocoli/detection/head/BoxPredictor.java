package dev.cocoli.detection.head;

import dev.cocoli.nn.ClassRows;
import dev.cocoli.nn.Linear;
import dev.cocoli.nn.Module;
import dev.cocoli.ops.Ops;
import dev.cocoli.tensor.Tensor;

/**
 * Scores and regresses each region (torchvision's {@code FastRCNNPredictor}). In: features {@code
 * [R,D]}; out: logits {@code [R,K]}, deltas {@code [R,4K]}.
 */
public final class BoxPredictor extends Module {
  private final Linear clsScore;
  private final Linear bboxPred;

  /**
   * Builds the two layers.
   *
   * @param in D
   * @param classes K, the background included
   */
  public BoxPredictor(long in, long classes) {
    Linear scores = new Linear(in, classes).ofClasses(ClassRows.withBackground(1));
    Linear deltas = new Linear(in, 4 * classes).ofClasses(ClassRows.withBackground(4));
    clsScore = child("cls_score", scores);
    bboxPred = child("bbox_pred", deltas);
  }

  /**
   * What is said of regions.
   *
   * @param logits {@code [R,K]}
   * @param deltas {@code [R,4K]}
   */
  public record Output(Tensor logits, Tensor deltas) {}

  /**
   * {@return the regions' classes and boxes}
   *
   * @param ops the forward pass
   * @param features {@code [R,D]}
   */
  public Output forward(Ops ops, Tensor features) {
    return new Output(clsScore.predict(ops, features), bboxPred.predict(ops, features));
  }
}

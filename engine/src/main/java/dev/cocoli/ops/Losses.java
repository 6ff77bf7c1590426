package dev.cocoli.ops;

import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;

/**
 * The detectors' losses. Each writes its value into a place that the caller gives, computes its
 * gradient along with it, and becomes a root of the tape: the backward pass starts from the sum of
 * all.
 */
public final class Losses {
  private final Ops ops;

  /**
   * Losses of a forward pass.
   *
   * @param ops the pass
   */
  public Losses(Ops ops) {
    this.ops = ops;
  }

  /**
   * Mean softmax cross entropy over the rows with a label of 0 or more.
   *
   * @param logits {@code [R,K]}
   * @param labels I32 {@code [R]}
   * @param loss {@code [1]}, written
   */
  public void softmaxCrossEntropy(Tensor logits, Tensor labels, Tensor loss) {
    Ops.require(logits.dim(0) == labels.elementCount(), "cross entropy", logits, labels);
    Tensor gradient = ops.allocate(DType.F32, logits.shape().toArray());
    ops.backend().losses().softmaxCrossEntropy(logits, labels, loss, gradient);
    root(logits, gradient);
  }

  /**
   * Mean binary cross entropy over the elements with a label of 0 or more.
   *
   * @param logits {@code [R]}
   * @param labels I32 {@code [R]}: 0, or positive for 1
   * @param loss {@code [1]}, written
   */
  public void sigmoidCrossEntropy(Tensor logits, Tensor labels, Tensor loss) {
    Ops.require(
        logits.elementCount() == labels.elementCount(), "binary cross entropy", logits, labels);
    Tensor gradient = ops.allocate(DType.F32, logits.shape().toArray());
    ops.backend().losses().sigmoidCrossEntropy(logits, labels, loss, gradient);
    root(logits, gradient);
  }

  /**
   * Smooth L1 of the rows with positive labels, summed, over the number of rows with a label of 0
   * or more.
   *
   * @param beta where the parabola meets the line
   * @param predictions {@code [R,4]}, or {@code [R,4K]} where the label says which four count
   * @param targets {@code [R,4]}
   * @param labels I32 {@code [R]}
   * @param loss {@code [1]}, written
   */
  public void smoothL1(float beta, Tensor predictions, Tensor targets, Tensor labels, Tensor loss) {
    Ops.require(predictions.dim(0) == targets.dim(0), "smooth L1", predictions, targets);
    Ops.require(predictions.dim(0) == labels.elementCount(), "smooth L1", predictions, labels);
    Tensor gradient = ops.allocate(DType.F32, predictions.shape().toArray());
    ops.backend().losses().smoothL1(beta, predictions, targets, labels, loss, gradient);
    root(predictions, gradient);
  }

  private void root(Tensor input, Tensor gradient) {
    if (ops.tape().tracks(input)) {
      ops.tape().recordLoss(input, ignored -> ops.tape().contribute(input, gradient));
    } else {
      ops.scope().release(gradient);
    }
  }
}

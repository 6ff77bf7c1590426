package dev.cocoli.backend.primitives;

import dev.cocoli.tensor.Tensor;

/** Losses; each is written together with the gradient of its input. */
public interface Losses {
  /**
   * Mean softmax cross entropy over the rows whose label is not negative, and its gradient; 0 if
   * there are none.
   *
   * @param logits {@code [R,K]}
   * @param labels {@code [R]}
   * @param loss {@code [1]}
   * @param dLogits like the logits
   */
  void softmaxCrossEntropy(Tensor logits, Tensor labels, Tensor loss, Tensor dLogits);

  /**
   * Mean binary cross entropy with logits over the elements whose label is not negative, and its
   * gradient; 0 if there are none.
   *
   * @param logits {@code [R]}
   * @param labels {@code [R]}: 0, or positive for 1
   * @param loss {@code [1]}
   * @param dLogits like the logits
   */
  void sigmoidCrossEntropy(Tensor logits, Tensor labels, Tensor loss, Tensor dLogits);

  /**
   * Sum of the smooth L1 losses of the rows with positive labels, divided by the number of rows
   * whose label is not negative, and its gradient (Girshick 2015; torch's {@code smooth_l1_loss}).
   *
   * @param beta where the parabola meets the line; 0 is plain L1
   * @param predictions {@code [R,4]}, or {@code [R,4K]} where a row's label says which four count
   * @param targets {@code [R,4]}
   * @param labels {@code [R]}
   * @param loss {@code [1]}
   * @param dPredictions like the predictions
   */
  void smoothL1(
      float beta,
      Tensor predictions,
      Tensor targets,
      Tensor labels,
      Tensor loss,
      Tensor dPredictions);
}

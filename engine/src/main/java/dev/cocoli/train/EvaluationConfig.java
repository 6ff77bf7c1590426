package dev.cocoli.train;

import java.util.OptionalInt;

/**
 * When and how a run scores its model.
 *
 * @param everyEpochs epochs from one evaluation to the next; the last is always evaluated
 * @param batch images that go through the network together; one, as in torchvision's reference,
 *     scores as detection does
 * @param patience so many evaluations in a row without a better AP end the run; without a number it
 *     runs to its end
 */
public record EvaluationConfig(int everyEpochs, int batch, OptionalInt patience) {

  /** Every epoch, one image at a time, to the end. */
  public static final EvaluationConfig DEFAULT = new EvaluationConfig(1, 1, OptionalInt.empty());

  /** Checks the ranges. */
  public EvaluationConfig {
    TrainConfig.require(everyEpochs >= 1, "evaluate-every", "at least 1", everyEpochs);
    TrainConfig.require(batch >= 1, "evaluation-batch", "at least 1", batch);
    patience.ifPresent(n -> TrainConfig.require(n >= 1, "early-stop", "at least 1", n));
  }

  /**
   * {@return this configuration with fewer or more evaluations}
   *
   * @param epochs from one evaluation to the next
   */
  public EvaluationConfig withEveryEpochs(int epochs) {
    return new EvaluationConfig(epochs, batch, patience);
  }

  /**
   * {@return this configuration with another batch}
   *
   * @param images that go through the network together
   */
  public EvaluationConfig withBatch(int images) {
    return new EvaluationConfig(everyEpochs, images, patience);
  }

  /**
   * {@return this configuration with an early end}
   *
   * @param evaluations so many in a row without a better AP end the run
   */
  public EvaluationConfig withPatience(int evaluations) {
    return new EvaluationConfig(everyEpochs, batch, OptionalInt.of(evaluations));
  }
}

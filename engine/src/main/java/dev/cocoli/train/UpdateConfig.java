package dev.cocoli.train;

import dev.cocoli.train.optim.LearningRateSchedule;
import dev.cocoli.train.optim.Optimizer;
import dev.cocoli.train.optim.Sgd;
import dev.cocoli.train.optim.StepSchedule;
import java.util.HashSet;
import java.util.OptionalDouble;
import java.util.Set;

/**
 * How a step moves the parameters.
 *
 * @param optimizer what moves them
 * @param learningRate the full rate; without one, torchvision's, scaled with the batch
 * @param schedule the part of it that each step takes
 * @param clipNorm the most that the norm of all gradients may be; without one they are left alone
 */
public record UpdateConfig(
    Optimizer optimizer,
    OptionalDouble learningRate,
    LearningRateSchedule schedule,
    OptionalDouble clipNorm) {

  /** torchvision's reference for detection: SGD, a rate that falls in steps, no clipping. */
  public static final UpdateConfig DEFAULT =
      new UpdateConfig(
          Sgd.DEFAULT, OptionalDouble.empty(), StepSchedule.DEFAULT, OptionalDouble.empty());

  /** Checks the ranges. */
  public UpdateConfig {
    requireStateNames(optimizer);
    learningRate.ifPresent(rate -> TrainConfig.require(isPositive(rate), "lr", "positive", rate));
    clipNorm.ifPresent(
        norm -> TrainConfig.require(isPositive(norm), "clip-norm", "positive", norm));
  }

  /**
   * Names stand before a dot in the keys of a checkpoint, where the weights are {@code model.*}.
   */
  private static void requireStateNames(Optimizer optimizer) {
    Set<String> names = new HashSet<>();
    for (String name : optimizer.stateNames()) {
      TrainConfig.require(
          name.matches("[A-Za-z_][A-Za-z0-9_]*") && !name.equals("model"),
          "the name of a state of the optimizer " + optimizer.name(),
          "letters, digits and _ other than 'model'",
          "'" + name + "'");
      TrainConfig.require(
          names.add(name),
          "the name of a state of the optimizer " + optimizer.name(),
          "unlike the others",
          "twice '" + name + "'");
    }
  }

  private static boolean isPositive(double value) {
    return value > 0 && Double.isFinite(value);
  }

  /**
   * {@return this configuration with another optimizer}
   *
   * @param other what moves the parameters
   */
  public UpdateConfig withOptimizer(Optimizer other) {
    return new UpdateConfig(other, learningRate, schedule, clipNorm);
  }

  /**
   * {@return this configuration with a learning rate}
   *
   * @param rate the full rate, instead of the one that scales with the batch
   */
  public UpdateConfig withLearningRate(double rate) {
    return new UpdateConfig(optimizer, OptionalDouble.of(rate), schedule, clipNorm);
  }

  /**
   * {@return this configuration with another schedule}
   *
   * @param other the part of the full rate that each step takes
   */
  public UpdateConfig withSchedule(LearningRateSchedule other) {
    return new UpdateConfig(optimizer, learningRate, other, clipNorm);
  }

  /**
   * {@return this configuration with gradients clipped}
   *
   * @param norm the most that the norm of all gradients may be
   */
  public UpdateConfig withClipNorm(double norm) {
    return new UpdateConfig(optimizer, learningRate, schedule, OptionalDouble.of(norm));
  }
}

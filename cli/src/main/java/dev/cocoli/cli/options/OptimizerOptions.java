package dev.cocoli.cli.options;

import dev.cocoli.train.TrainConfig;
import dev.cocoli.train.optim.Sgd;
import dev.cocoli.train.optim.StepSchedule;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The options of a training that say how gradients change the parameters. */
public final class OptimizerOptions {
  private static final String NONE = "none";

  @Option(
      names = "--lr",
      paramLabel = "X",
      description = "The learning rate. Default: 0.02 x batch / 16.")
  private Double learningRate;

  @Option(
      names = "--warmup",
      paramLabel = "STEPS",
      description = "Steps over which the rate rises. Default: a tenth of the run, 1000 at most.")
  private Integer warmup;

  @Option(
      names = "--lr-steps",
      paramLabel = "LIST",
      defaultValue = "0.67,0.92",
      description =
          "Fractions of the run after which the rate falls to a tenth, or none. Default:"
              + " ${DEFAULT-VALUE}.")
  private String learningRateSteps;

  @Option(
      names = "--momentum",
      paramLabel = "X",
      defaultValue = "0.9",
      description = "Of SGD. Default: ${DEFAULT-VALUE}.")
  private double momentum;

  @Option(
      names = "--weight-decay",
      paramLabel = "X",
      defaultValue = "0.0001",
      description = "Of SGD, on every parameter. Default: ${DEFAULT-VALUE}.")
  private double weightDecay;

  @Option(
      names = "--clip-norm",
      paramLabel = "X",
      description = "The most that the norm of all gradients may be. Default: no limit.")
  private Double clipNorm;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  /**
   * Returns a configuration with these options.
   *
   * @param config the configuration without them
   * @throws IllegalArgumentException if a value cannot be used; the message begins with its name
   */
  public TrainConfig apply(TrainConfig config) {
    StepSchedule schedule = StepSchedule.DEFAULT.withDropFractions(dropFractions());
    TrainConfig applied =
        config
            .withOptimizer(new Sgd(momentum, weightDecay))
            .withSchedule(warmup == null ? schedule : schedule.withWarmup(warmup));
    if (learningRate != null) {
      applied = applied.withLearningRate(learningRate);
    }
    return clipNorm == null ? applied : applied.withUpdate(update -> update.withClipNorm(clipNorm));
  }

  private List<Double> dropFractions() {
    if (learningRateSteps.equals(NONE)) {
      return List.of();
    }
    List<Double> fractions = new ArrayList<>();
    for (String one : learningRateSteps.split(",", -1)) {
      try {
        fractions.add(Double.valueOf(one.strip()));
      } catch (NumberFormatException e) {
        throw new ParameterException(
            spec.commandLine(),
            "--lr-steps is a list such as 0.67,0.92, or none; not '" + learningRateSteps + "'",
            e);
      }
    }
    return fractions;
  }
}

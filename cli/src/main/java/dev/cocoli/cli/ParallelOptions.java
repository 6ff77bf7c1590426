package dev.cocoli.cli;

import dev.cocoli.distributed.RankEnvironment;
import dev.cocoli.tensor.Precision;
import dev.cocoli.train.TrainConfig;
import dev.cocoli.train.parallel.NormStatistics;
import dev.cocoli.train.parallel.ParallelConfig;
import dev.cocoli.train.parallel.Replicas;
import java.time.Duration;
import java.util.Optional;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** How the replicas of several devices work together. */
final class ParallelOptions {
  private static final long MEGABYTE = 1 << 20;

  @Option(
      names = "--bucket-size",
      paramLabel = "MB",
      defaultValue = "25",
      description =
          "With several devices: gradients that are averaged at once, about. Default:"
              + " ${DEFAULT-VALUE}.")
  private double bucketSize;

  @Option(
      names = "--gradient-precision",
      paramLabel = "fp32|bf16",
      defaultValue = "fp32",
      description =
          "With several devices: what gradients travel in between them. Default:"
              + " ${DEFAULT-VALUE}.")
  private String gradientPrecision;

  @Option(
      names = "--timeout",
      paramLabel = "SECONDS",
      defaultValue = "300",
      description =
          "With several devices: how long one waits for the others before all stop. Default:"
              + " ${DEFAULT-VALUE}.")
  private double timeout;

  @Option(
      names = "--sync-batch-norm",
      description =
          "With several devices and trained norms: statistics of the whole batch, instead of each"
              + " device's images.")
  private boolean syncBatchNorm;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  /** Returns what was chosen. */
  ParallelConfig config() {
    if (!(bucketSize > 0 && bucketSize <= 1 << 20)) {
      throw usage("--bucket-size is positive, not " + bucketSize, null);
    }
    if (!(timeout > 0 && timeout <= Integer.MAX_VALUE)) {
      throw usage("--timeout is positive, not " + timeout, null);
    }
    try {
      return ParallelConfig.DEFAULT
          .withBucketBytes(Math.max(1, (long) (bucketSize * MEGABYTE)))
          .withWire(Precision.parse(gradientPrecision))
          .withNorms(syncBatchNorm ? NormStatistics.SHARED : NormStatistics.OWN)
          .withTimeout(Duration.ofMillis(Math.max(1, (long) (timeout * 1000))));
    } catch (IllegalArgumentException e) {
      throw usage("--gradient-precision: " + e.getMessage(), e);
    }
  }

  /** Returns which of several processes this is, if a launcher has started several. */
  static Optional<RankEnvironment> processes() {
    try {
      return RankEnvironment.ofProcess();
    } catch (IllegalArgumentException e) {
      throw new CommandException(e.getMessage());
    }
  }

  /**
   * Refuses a batch that cannot be shared evenly.
   *
   * @param config how to train
   * @param size how many replicas there are
   * @param spec the command
   */
  static void requireShareable(TrainConfig config, int size, CommandSpec spec) {
    try {
      Replicas.requireShareable(config, size);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), "--" + e.getMessage(), e);
    }
  }

  private ParameterException usage(String text, Exception cause) {
    return new ParameterException(spec.commandLine(), text, cause);
  }
}

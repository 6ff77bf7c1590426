package dev.cocoli.cli.options;

import dev.cocoli.cli.terminal.CommandException;
import dev.cocoli.distributed.Communicator;
import dev.cocoli.distributed.RankEnvironment;
import dev.cocoli.tensor.Precision;
import dev.cocoli.train.TrainConfig;
import dev.cocoli.train.TrainingException;
import dev.cocoli.train.TrainingRun;
import dev.cocoli.train.parallel.NormStatistics;
import dev.cocoli.train.parallel.ParallelConfig;
import dev.cocoli.train.parallel.Replicas;
import java.time.Duration;
import java.util.Optional;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The options for training with replicas on several devices. */
public final class ParallelOptions {
  private static final long MEGABYTE = 1 << 20;

  @Option(
      names = "--bucket-size",
      paramLabel = "MB",
      defaultValue = "25",
      description =
          "With several devices: the approximate size of a bucket of gradients. Default:"
              + " ${DEFAULT-VALUE}.")
  private double bucketSize;

  @Option(
      names = "--gradient-precision",
      paramLabel = "fp32|bf16",
      defaultValue = "fp32",
      description =
          "With several devices: the type in which gradients are all-reduced. Default:"
              + " ${DEFAULT-VALUE}.")
  private String gradientPrecision;

  @Option(
      names = "--timeout",
      paramLabel = "SECONDS",
      defaultValue = "300",
      description =
          "With several devices: how long a replica waits for the others before all stop. Default:"
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

  /** Returns the chosen configuration. */
  public ParallelConfig config() {
    if (!(bucketSize > 0 && bucketSize <= MEGABYTE)) { // a terabyte
      throw usage(
          "--bucket-size is more than 0 and at most " + MEGABYTE + ", not " + bucketSize, null);
    }
    long longest = Communicator.LONGEST_TIMEOUT.toSeconds();
    if (!(timeout > 0 && timeout <= longest)) {
      throw usage("--timeout is more than 0 and at most " + longest + ", not " + timeout, null);
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

  /** Returns the rank of this process, if a launcher has started several. */
  public static Optional<RankEnvironment> processes() {
    try {
      return RankEnvironment.ofProcess();
    } catch (IllegalArgumentException e) {
      throw new CommandException(e.getMessage());
    }
  }

  /**
   * Throws a usage error if the batch cannot be divided evenly among the replicas.
   *
   * @param config the training configuration
   * @param size the number of replicas
   * @param spec the command
   */
  public static void requireShareable(TrainConfig config, int size, CommandSpec spec) {
    try {
      Replicas.requireShareable(config, size);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), "--" + e.getMessage(), e);
    }
  }

  /** Throws a usage error if the run cannot be divided among so many replicas. */
  public void requireShareable(TrainingRun run, int replicas) {
    try {
      Replicas.requireShareable(run, config(), replicas);
    } catch (TrainingException e) {
      throw usage("--device: " + e.getMessage(), e);
    }
  }

  private ParameterException usage(String text, Exception cause) {
    return new ParameterException(spec.commandLine(), text, cause);
  }
}

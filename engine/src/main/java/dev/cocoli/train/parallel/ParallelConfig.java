package dev.cocoli.train.parallel;

import dev.cocoli.distributed.Communicator;
import dev.cocoli.tensor.Precision;
import java.time.Duration;

/**
 * How the replicas of a data-parallel run work together.
 *
 * @param bucketBytes gradients that are reduced at once, about; a larger parameter is a bucket of
 *     its own
 * @param wire what gradients travel in; sums of bf16 are rounded to bf16
 * @param timeout how long a replica waits for the others before it gives up; at most {@link
 *     Communicator#LONGEST_TIMEOUT}
 * @param norms whose images trained batch norms take their statistics from
 */
public record ParallelConfig(
    long bucketBytes, Precision wire, Duration timeout, NormStatistics norms) {
  private static final long MEGABYTE = 1 << 20;

  /**
   * Buckets of 25 MB, as torch's DistributedDataParallel has them; fp32; five minutes; own
   * statistics.
   */
  public static final ParallelConfig DEFAULT =
      new ParallelConfig(25 * MEGABYTE, Precision.FP32, Duration.ofMinutes(5), NormStatistics.OWN);

  /** Checks the ranges. */
  public ParallelConfig {
    if (bucketBytes < 1) {
      throw new IllegalArgumentException("bucket bytes are at least 1, not " + bucketBytes);
    }
    Communicator.requireTimeout(timeout);
  }

  /**
   * {@return this configuration with other buckets}
   *
   * @param bytes gradients that are reduced at once, about
   */
  public ParallelConfig withBucketBytes(long bytes) {
    return new ParallelConfig(bytes, wire, timeout, norms);
  }

  /**
   * {@return this configuration with another format of gradients}
   *
   * @param other what gradients travel in
   */
  public ParallelConfig withWire(Precision other) {
    return new ParallelConfig(bucketBytes, other, timeout, norms);
  }

  /**
   * {@return this configuration with another timeout}
   *
   * @param other how long a replica waits for the others
   */
  public ParallelConfig withTimeout(Duration other) {
    return new ParallelConfig(bucketBytes, wire, other, norms);
  }

  /**
   * {@return this configuration with other statistics}
   *
   * @param other whose images trained batch norms take their statistics from
   */
  public ParallelConfig withNorms(NormStatistics other) {
    return new ParallelConfig(bucketBytes, wire, timeout, other);
  }
}

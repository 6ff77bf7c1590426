package dev.cocoli.data;

/**
 * One replica's part of a batch: consecutive places, as many as the others have or one more.
 *
 * @param first the place in the whole batch that it begins with, from 0
 * @param count how many places; 0 where there are fewer images than replicas
 * @param total the places of the whole batch
 */
public record Shard(int first, int count, int total) {

  /** Checks the ranges. */
  public Shard {
    if (first < 0 || count < 0 || first + count > total) {
      throw new IllegalArgumentException(
          "no shard of " + total + " images: " + count + " from " + first);
    }
  }

  /**
   * {@return the shard of a replica; all shards together are the batch, without overlap}
   *
   * @param total the places of the whole batch
   * @param rank which replica, from 0
   * @param worldSize of how many
   */
  public static Shard of(int total, int rank, int worldSize) {
    int first = (int) ((long) total * rank / worldSize);
    int end = (int) ((long) total * (rank + 1) / worldSize);
    return new Shard(first, end - first, total);
  }

  /**
   * {@return what the shard counts beside an equal one: its images over the mean of all replicas; 1
   * exactly where all have the same}
   *
   * @param worldSize how many replicas there are
   */
  public double weight(int worldSize) {
    return (double) count * worldSize / total;
  }
}

package dev.cocoli.data;

/**
 * One replica's part of a batch: consecutive images, as many as the other replicas have or one
 * more.
 *
 * @param first the index of its first image in the whole batch, from 0
 * @param count the number of images; 0 where there are fewer images than replicas
 * @param total the number of images of the whole batch
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
   * @param total the number of images of the whole batch
   * @param rank the number of the replica, from 0
   * @param worldSize the number of replicas
   */
  public static Shard of(int total, int rank, int worldSize) {
    int first = (int) ((long) total * rank / worldSize);
    int end = (int) ((long) total * (rank + 1) / worldSize);
    return new Shard(first, end - first, total);
  }

  /**
   * {@return the weight of the shard's mean among those of all replicas: its number of images over
   * the mean number per replica; exactly 1 if all have the same}
   *
   * @param worldSize the number of replicas
   */
  public double weight(int worldSize) {
    return (double) count * worldSize / total;
  }
}

package dev.cocoli.data;

import java.util.function.UnaryOperator;

/**
 * The configuration of a {@link DataLoader}.
 *
 * @param batchSize images per batch, over all replicas
 * @param seed decides the order and the augmentations, together with the epoch
 * @param rank the number of the replica that this loader feeds, from 0
 * @param worldSize the number of replicas that each batch is divided among
 * @param data how images are loaded
 */
public record DataLoaderConfig(int batchSize, long seed, int rank, int worldSize, DataConfig data) {

  /** Checks the ranges. */
  public DataLoaderConfig {
    require(batchSize > 0, "batchSize must be positive, not " + batchSize);
    require(
        worldSize > 0 && rank >= 0 && rank < worldSize,
        "rank must be 0 to worldSize - 1, not " + rank + " of " + worldSize);
    require(
        batchSize % worldSize == 0,
        "a batch of " + batchSize + " cannot be divided evenly among " + worldSize + " replicas");
  }

  private static void require(boolean condition, String message) {
    if (!condition) {
      throw new IllegalArgumentException(message);
    }
  }

  /**
   * {@return the default: seed 0, one replica, {@link DataConfig#DEFAULT}}
   *
   * @param batchSize images per batch
   */
  public static DataLoaderConfig of(int batchSize) {
    return new DataLoaderConfig(batchSize, 0, 0, 1, DataConfig.DEFAULT);
  }

  /**
   * {@return this configuration with another seed}
   *
   * @param other decides the order and the augmentations
   */
  public DataLoaderConfig withSeed(long other) {
    return new DataLoaderConfig(batchSize, other, rank, worldSize, data);
  }

  /**
   * {@return this configuration for one of several replicas}
   *
   * @param otherRank the number of the replica, from 0
   * @param otherWorldSize the number of replicas
   */
  public DataLoaderConfig withReplica(int otherRank, int otherWorldSize) {
    return new DataLoaderConfig(batchSize, seed, otherRank, otherWorldSize, data);
  }

  /**
   * {@return this configuration with images loaded in another way}
   *
   * @param change of how images are loaded
   */
  public DataLoaderConfig withData(UnaryOperator<DataConfig> change) {
    return new DataLoaderConfig(batchSize, seed, rank, worldSize, change.apply(data));
  }
}

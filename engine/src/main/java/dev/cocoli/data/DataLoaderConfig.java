package dev.cocoli.data;

/**
 * The configuration of a {@link DataLoader}.
 *
 * @param batchSize the number of images per batch, over all replicas
 * @param seed decides order and flips, together with the epoch
 * @param flipProbability the probability that an image is mirrored left to right, 0 to 1
 * @param workers the number of threads that decode
 * @param prefetchBatches batches that are decoded ahead of the one in use; bounds the memory
 * @param rank the number of the replica that this loader feeds, from 0
 * @param worldSize the number of replicas that each batch is divided among
 * @param brokenImages what to do with an image that cannot be decoded
 * @param lastBatch what to do with images that do not fill a training batch
 */
public record DataLoaderConfig(
    int batchSize,
    long seed,
    double flipProbability,
    int workers,
    int prefetchBatches,
    int rank,
    int worldSize,
    BrokenImagePolicy brokenImages,
    LastBatch lastBatch) {

  /** Checks the ranges. */
  public DataLoaderConfig {
    require(batchSize > 0, "batchSize must be positive, not " + batchSize);
    require(
        flipProbability >= 0 && flipProbability <= 1,
        "flipProbability must be 0 to 1, not " + flipProbability);
    require(workers > 0, "workers must be positive, not " + workers);
    require(prefetchBatches >= 0, "prefetchBatches must not be negative, as " + prefetchBatches);
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
   * {@return the default configuration: seed 0, half of the images flipped, one worker per
   * processor, two batches ahead, one replica, broken images skipped, whole batches only}
   *
   * @param batchSize the number of images per batch
   */
  public static DataLoaderConfig of(int batchSize) {
    int workers = Runtime.getRuntime().availableProcessors();
    return new DataLoaderConfig(
        batchSize, 0, 0.5, workers, 2, 0, 1, BrokenImagePolicy.SKIP, LastBatch.DROP);
  }

  /**
   * {@return this configuration with another seed}
   *
   * @param other decides order and flips
   */
  public DataLoaderConfig withSeed(long other) {
    return new DataLoaderConfig(
        batchSize,
        other,
        flipProbability,
        workers,
        prefetchBatches,
        rank,
        worldSize,
        brokenImages,
        lastBatch);
  }

  /**
   * {@return this configuration with another probability}
   *
   * @param other the probability that an image is mirrored, 0 to 1
   */
  public DataLoaderConfig withFlipProbability(double other) {
    return new DataLoaderConfig(
        batchSize, seed, other, workers, prefetchBatches, rank, worldSize, brokenImages, lastBatch);
  }

  /**
   * {@return this configuration with other threads}
   *
   * @param otherWorkers threads that decode
   * @param otherPrefetchBatches batches that are decoded ahead
   */
  public DataLoaderConfig withWorkers(int otherWorkers, int otherPrefetchBatches) {
    return new DataLoaderConfig(
        batchSize,
        seed,
        flipProbability,
        otherWorkers,
        otherPrefetchBatches,
        rank,
        worldSize,
        brokenImages,
        lastBatch);
  }

  /**
   * {@return this configuration for one of several replicas}
   *
   * @param otherRank the number of the replica, from 0
   * @param otherWorldSize the number of replicas
   */
  public DataLoaderConfig withReplica(int otherRank, int otherWorldSize) {
    return new DataLoaderConfig(
        batchSize,
        seed,
        flipProbability,
        workers,
        prefetchBatches,
        otherRank,
        otherWorldSize,
        brokenImages,
        lastBatch);
  }

  /**
   * {@return this configuration with another policy}
   *
   * @param other what to do with an image that cannot be decoded
   */
  public DataLoaderConfig withBrokenImages(BrokenImagePolicy other) {
    return new DataLoaderConfig(
        batchSize,
        seed,
        flipProbability,
        workers,
        prefetchBatches,
        rank,
        worldSize,
        other,
        lastBatch);
  }

  /**
   * {@return this configuration with another policy}
   *
   * @param other what to do with images that do not fill a training batch
   */
  public DataLoaderConfig withLastBatch(LastBatch other) {
    return new DataLoaderConfig(
        batchSize,
        seed,
        flipProbability,
        workers,
        prefetchBatches,
        rank,
        worldSize,
        brokenImages,
        other);
  }
}

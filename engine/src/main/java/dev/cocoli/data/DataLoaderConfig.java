package dev.cocoli.data;

/**
 * How a {@link DataLoader} works.
 *
 * @param batchSize images a batch, over all replicas
 * @param seed decides order and flips, together with the epoch
 * @param flipProbability how likely an image is mirrored left to right, 0 to 1
 * @param workers threads that decode
 * @param prefetchBatches batches that are decoded ahead of the one in use; bounds the memory
 * @param rank which replica this loader feeds, from 0
 * @param worldSize how many replicas share each batch
 * @param brokenImages what to do with an image that cannot be decoded
 * @param lastBatch what becomes of images that do not fill a training batch
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
        "a batch of " + batchSize + " cannot be shared evenly by " + worldSize + " replicas");
  }

  private static void require(boolean condition, String message) {
    if (!condition) {
      throw new IllegalArgumentException(message);
    }
  }

  /**
   * {@return the usual settings: seed 0, half of the images flipped, a worker a processor, two
   * batches ahead, one replica, broken images skipped, whole batches only}
   *
   * @param batchSize images a batch
   */
  public static DataLoaderConfig of(int batchSize) {
    int workers = Runtime.getRuntime().availableProcessors();
    return new DataLoaderConfig(
        batchSize, 0, 0.5, workers, 2, 0, 1, BrokenImagePolicy.SKIP, LastBatch.DROP);
  }

  /**
   * {@return these settings with another seed}
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
   * {@return these settings with another probability}
   *
   * @param other how likely an image is mirrored, 0 to 1
   */
  public DataLoaderConfig withFlipProbability(double other) {
    return new DataLoaderConfig(
        batchSize, seed, other, workers, prefetchBatches, rank, worldSize, brokenImages, lastBatch);
  }

  /**
   * {@return these settings with other threads}
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
   * {@return these settings for one of several replicas}
   *
   * @param otherRank which, from 0
   * @param otherWorldSize of how many
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
   * {@return these settings with another policy}
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
   * {@return these settings with another policy}
   *
   * @param other what becomes of images that do not fill a training batch
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

package dev.cocoli.data;

import dev.cocoli.data.augment.Augmentation;
import dev.cocoli.data.augment.HorizontalFlip;
import java.util.List;

/**
 * How images are loaded.
 *
 * @param augmentations what changes training images, one after the other
 * @param workers threads that decode
 * @param prefetchBatches batches that are decoded ahead of the one in use; bounds the memory
 * @param brokenImages what to do with an image that cannot be decoded
 * @param lastBatch what becomes of images that do not fill the last training batch of an epoch
 */
public record DataConfig(
    List<Augmentation> augmentations,
    int workers,
    int prefetchBatches,
    BrokenImagePolicy brokenImages,
    LastBatch lastBatch) {

  /** Half of the images flipped, a worker per processor, two batches ahead, broken ones skipped. */
  public static final DataConfig DEFAULT =
      new DataConfig(
          List.of(new HorizontalFlip(0.5)),
          Runtime.getRuntime().availableProcessors(),
          2,
          BrokenImagePolicy.SKIP,
          LastBatch.DROP);

  /** Copies the list and checks the ranges. */
  public DataConfig {
    augmentations = List.copyOf(augmentations);
    if (workers < 1) {
      throw new IllegalArgumentException("loader-threads is at least 1, not " + workers);
    }
    if (prefetchBatches < 0) {
      throw new IllegalArgumentException("prefetch is at least 0, not " + prefetchBatches);
    }
    if (augmentations.stream().map(Augmentation::name).distinct().count() < augmentations.size()) {
      throw new IllegalArgumentException("two augmentations have the same name");
    }
  }

  /**
   * {@return this configuration with other augmentations}
   *
   * @param list what changes training images, one after the other
   */
  public DataConfig withAugmentations(Augmentation... list) {
    return new DataConfig(List.of(list), workers, prefetchBatches, brokenImages, lastBatch);
  }

  /**
   * {@return this configuration with another number of threads}
   *
   * @param count threads that decode
   */
  public DataConfig withWorkers(int count) {
    return new DataConfig(augmentations, count, prefetchBatches, brokenImages, lastBatch);
  }

  /**
   * {@return this configuration with another number of batches ahead}
   *
   * @param count batches that are decoded ahead
   */
  public DataConfig withPrefetchBatches(int count) {
    return new DataConfig(augmentations, workers, count, brokenImages, lastBatch);
  }

  /**
   * {@return this configuration with another policy}
   *
   * @param policy what to do with an image that cannot be decoded
   */
  public DataConfig withBrokenImages(BrokenImagePolicy policy) {
    return new DataConfig(augmentations, workers, prefetchBatches, policy, lastBatch);
  }

  /**
   * {@return this configuration with another policy}
   *
   * @param policy what becomes of images that do not fill the last training batch
   */
  public DataConfig withLastBatch(LastBatch policy) {
    return new DataConfig(augmentations, workers, prefetchBatches, brokenImages, policy);
  }
}

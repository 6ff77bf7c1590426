package dev.cocoli.data.augment;

import java.util.random.RandomGenerator;

/** Where an {@link Augmentation} gets chance and other images from, for one image of one epoch. */
public interface AugmentationContext {

  /**
   * {@return a generator whose numbers follow from the run's seed, the epoch, the image's index and
   * the augmentation's place in the list, and from nothing else}
   */
  RandomGenerator random();

  /** {@return the number of images of the data set} */
  int imageCount();

  /**
   * Decodes an image of the data set, as for a mosaic.
   *
   * @param index 0 to {@link #imageCount()} - 1; in place of an image that cannot be decoded comes
   *     the next one that can, where such images are skipped
   * @return the image as it is, without augmentations; to be closed by the caller
   * @throws dev.cocoli.data.DataException if it cannot be decoded
   */
  Sample sample(int index);
}

package dev.cocoli.data.augment;

import java.util.random.RandomGenerator;

/**
 * Gives an {@link Augmentation} its random numbers and other images, for one image of one epoch.
 */
public interface AugmentationContext {

  /**
   * {@return a generator whose numbers depend only on the run's seed, the epoch, the image's index
   * and the augmentation's place in the list}
   */
  RandomGenerator random();

  /** {@return the number of images of the data set} */
  int imageCount();

  /**
   * Decodes an image of the data set, for example for a mosaic.
   *
   * @param index 0 to {@link #imageCount()} - 1; where broken images are skipped, the next image
   *     that can be decoded replaces a broken one
   * @return the image as it is, without augmentations; to be closed by the caller
   * @throws dev.cocoli.data.DataException if it cannot be decoded
   */
  Sample sample(int index);
}

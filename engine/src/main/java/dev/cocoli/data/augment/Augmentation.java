package dev.cocoli.data.augment;

import java.util.Map;

/**
 * Changes training images at random, and moves their objects along: an augmentation that moves
 * points says how, and {@link Sample#moved} carries boxes, masks and keypoints. The result depends
 * only on the sample, the settings and the {@link AugmentationContext}, so that it is the same for
 * any order of images, any number of threads and a resumed run. Many threads call it at once.
 */
public interface Augmentation {

  /** {@return its name in one word, such as {@code flip}, as {@code config.json} lists it} */
  String name();

  /**
   * {@return its settings by name: numbers, words or lists as in JSON. {@code config.json} stores
   * them, and a run is resumed only with the same settings}
   */
  default Map<String, String> settings() {
    return Map.of();
  }

  /**
   * Changes a sample, or leaves it as it is.
   *
   * @param sample taken over: either it is returned, perhaps with its pixels changed in place, or
   *     it is closed and another one is returned
   * @param context random numbers and the other images
   * @return the changed sample; the loader closes it
   */
  Sample apply(Sample sample, AugmentationContext context);
}

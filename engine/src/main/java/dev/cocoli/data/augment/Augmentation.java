package dev.cocoli.data.augment;

import java.util.Map;

/**
 * Changes training images and their boxes at random. The result depends on nothing but the sample,
 * the settings and the {@link AugmentationContext}, so that the order of images, the number of
 * threads and a resumed run change nothing. Many threads call it at once.
 */
public interface Augmentation {

  /** {@return what it is, in a word, such as {@code flip}; {@code config.json} lists it} */
  String name();

  /**
   * {@return what it is set to, by name: numbers, words or lists as JSON writes them. {@code
   * config.json} keeps it, and a run is resumed only with the same}
   */
  default Map<String, String> settings() {
    return Map.of();
  }

  /**
   * Changes a sample, or leaves it as it is.
   *
   * @param sample taken over: either it is returned, perhaps with its pixels changed in place, or
   *     it is closed and another one is returned
   * @param context chance, and the other images
   * @return the changed sample; the loader closes it
   */
  Sample apply(Sample sample, AugmentationContext context);
}

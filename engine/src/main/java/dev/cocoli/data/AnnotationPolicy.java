package dev.cocoli.data;

/**
 * What to do with annotations that cannot be trained on. Such are: a box without an area ({@code x2
 * <= x1} or {@code y2 <= y1}), coordinates that are no numbers, a box with no area inside its
 * image, a class that is not among the given names, and an image whose file or annotation file is
 * missing or broken. A box that is only partly outside can be trained on, and torchvision does.
 */
public enum AnnotationPolicy {

  /**
   * Anything that {@link #DROP} would drop stops the opening of the data set, and so does a box
   * partly outside.
   */
  ERROR,

  /**
   * What cannot be trained on is left out and counted; boxes partly outside stay as they are
   * written. The default.
   */
  DROP,

  /**
   * As {@link #DROP}, and boxes partly outside are cut at the image's edges, as torchvision's
   * reference does with COCO.
   */
  CLIP
}

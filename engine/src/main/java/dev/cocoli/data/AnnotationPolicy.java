package dev.cocoli.data;

/**
 * What to do with annotations that cannot be trained on. These are: a box without an area ({@code
 * x2 <= x1} or {@code y2 <= y1}), coordinates that are not numbers, a box with no area inside its
 * image, a class that is not among the given names, and an image whose file or annotation file is
 * missing or broken. A box that is only partly outside can be trained on, as torchvision does.
 */
public enum AnnotationPolicy {

  /**
   * Opening the data set throws an exception if there is anything that {@link #DROP} would drop, or
   * a box partly outside.
   */
  ERROR,

  /**
   * Annotations that cannot be trained on are left out and counted; boxes partly outside stay as
   * they are written. The default.
   */
  DROP,

  /**
   * As {@link #DROP}, and boxes partly outside are clipped at the image's edges, as torchvision's
   * reference does with COCO.
   */
  CLIP
}

package dev.cocoli.detection;

import dev.cocoli.structures.Box;
import dev.cocoli.tensor.Tensor;
import java.util.Collections;
import java.util.List;

/**
 * Images that go through a detector together.
 *
 * @param images one {@code [h,w,3]} or more, U8 from 0 to 255 or F32 from 0 to 1
 * @param proposals regions of each image that may hold an object, in its pixels, the best first;
 *     empty for a detector that finds them itself
 */
public record Inputs(List<Tensor> images, List<List<Box>> proposals) {

  /** Checks that every image has its regions, be there any or not. */
  public Inputs {
    if (images.size() != proposals.size()) {
      throw new IllegalArgumentException(
          images.size() + " images with the regions of " + proposals.size());
    }
  }

  /**
   * {@return images without regions}
   *
   * @param images one {@code [h,w,3]} or more
   */
  public static Inputs of(List<Tensor> images) {
    return new Inputs(images, Collections.nCopies(images.size(), List.of()));
  }
}

package dev.cocoli.detection;

import dev.cocoli.structures.Box;
import dev.cocoli.tensor.Tensor;
import java.util.Collections;
import java.util.List;

/**
 * Pictures that go through a detector together.
 *
 * @param pictures one {@code [h,w,3]} or more, U8 from 0 to 255 or F32 from 0 to 1
 * @param proposals regions of each picture that may hold an object, in its pixels, the best first;
 *     empty for a detector that finds them itself
 */
public record Inputs(List<Tensor> pictures, List<List<Box>> proposals) {

  /** Checks that every picture has its regions, be there any or not. */
  public Inputs {
    if (pictures.size() != proposals.size()) {
      throw new IllegalArgumentException(
          pictures.size() + " pictures with the regions of " + proposals.size());
    }
  }

  /**
   * {@return pictures without regions}
   *
   * @param pictures one {@code [h,w,3]} or more
   */
  public static Inputs of(List<Tensor> pictures) {
    return new Inputs(pictures, Collections.nCopies(pictures.size(), List.of()));
  }
}

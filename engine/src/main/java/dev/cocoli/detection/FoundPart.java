package dev.cocoli.detection;

import dev.cocoli.structures.Detection;
import dev.cocoli.structures.ObjectPart;
import dev.cocoli.tensor.Tensor;

/**
 * The part that a branch of the heads adds to each detection, such as its mask: numbers on the
 * device, which are downloaded with the boxes, and the part that they describe.
 *
 * @param values F32 {@code [N,D,...]}, for each detection as many
 * @param reader makes the part of a detection
 */
public record FoundPart(Tensor values, Reader reader) {

  /** Makes a part of downloaded numbers. */
  @FunctionalInterface
  public interface Reader {
    /**
     * {@return the part of a detection, in pixels of the resized image}
     *
     * @param found the detection, in pixels of the resized image, without parts
     * @param values its numbers
     */
    ObjectPart read(Detection found, float[] values);
  }
}

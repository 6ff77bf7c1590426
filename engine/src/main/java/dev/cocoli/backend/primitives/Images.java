package dev.cocoli.backend.primitives;

import dev.cocoli.backend.spec.NormalizeSpec;
import dev.cocoli.tensor.Tensor;

/** Turns decoded images {@code [h,w,3]} into a network's input. */
public interface Images {
  /**
   * Resizes an image bilinearly (torch's {@code interpolate} with {@code align_corners=False}, no
   * antialiasing), normalises it and writes it into the upper left corner of a slot whose rest
   * becomes 0.
   *
   * @param spec mean and deviation per colour
   * @param image {@code [h,w,3]}; U8 from 0 to 255, or F32 from 0 to 1
   * @param height rows of the resized image
   * @param width columns of the resized image
   * @param slot {@code [H,W,3]}, F32 or BF16
   */
  void resizeNormalize(NormalizeSpec spec, Tensor image, long height, long width, Tensor slot);
}

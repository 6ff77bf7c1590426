package dev.cocoli.backend.primitives;

import dev.cocoli.tensor.Tensor;

/** Enlarges maps {@code [N,h,w,C]}, and the gradient of that. */
public interface Upsampling {
  /**
   * Enlarges by repeating the nearest pixel, torch's {@code nearest}: source row {@code floor(i * h
   * / H)}; adds another map.
   *
   * @param x {@code [N,h,w,C]}
   * @param addend {@code [N,H,W,C]} or null; may be y
   * @param y {@code [N,H,W,C]}
   */
  void upsampleNearest(Tensor x, Tensor addend, Tensor y);

  /**
   * Gradient of {@link #upsampleNearest} by x.
   *
   * @param dy {@code [N,H,W,C]}
   * @param addend like dx, added; may be dx; or null
   * @param dx {@code [N,h,w,C]}
   */
  void upsampleNearestBackward(Tensor dy, Tensor addend, Tensor dx);
}

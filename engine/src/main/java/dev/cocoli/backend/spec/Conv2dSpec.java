package dev.cocoli.backend.spec;

/**
 * A square two-dimensional convolution and what is fused after it.
 *
 * @param kernel extent of the window, in pixels
 * @param stride step of the window
 * @param padding zeros added on every side
 * @param dilation distance between the window's taps
 * @param activation applied last
 */
public record Conv2dSpec(int kernel, int stride, int padding, int dilation, Activation activation) {

  /** Checks the extents. */
  public Conv2dSpec {
    if (kernel < 1 || stride < 1 || padding < 0 || dilation < 1) {
      throw new IllegalArgumentException(
          "no such convolution: kernel %s, stride %s, padding %s, dilation %s"
              .formatted(kernel, stride, padding, dilation));
    }
  }

  /**
   * {@return the convolution without an activation}
   *
   * @param kernel extent of the window
   * @param stride step of the window
   * @param padding zeros added on every side
   */
  public static Conv2dSpec of(int kernel, int stride, int padding) {
    return new Conv2dSpec(kernel, stride, padding, 1, Activation.NONE);
  }

  /**
   * {@return the same convolution with another activation}
   *
   * @param other the activation
   */
  public Conv2dSpec with(Activation other) {
    return new Conv2dSpec(kernel, stride, padding, dilation, other);
  }

  /** {@return the same convolution where the window lies within the input} */
  public Conv2dSpec withoutPadding() {
    return new Conv2dSpec(kernel, stride, 0, dilation, activation);
  }

  /**
   * {@return the extent of the output along an axis}
   *
   * @param in the extent of the input along it
   */
  public long outputExtent(long in) {
    return (in + 2L * padding - (long) dilation * (kernel - 1) - 1) / stride + 1;
  }
}

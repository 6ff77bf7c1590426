package dev.cocoli.backend.spec;

/**
 * A square pooling window. Padding never wins a maximum.
 *
 * @param kernel extent of the window, in pixels; at most 15, so that a place in it fits a byte
 * @param stride step of the window
 * @param padding pixels added on every side
 */
public record Pool2dSpec(int kernel, int stride, int padding) {

  /** Checks the extents. */
  public Pool2dSpec {
    if (kernel < 1 || kernel > 15 || stride < 1 || padding < 0 || padding > kernel / 2) {
      throw new IllegalArgumentException(
          "no such pooling: kernel " + kernel + ", stride " + stride + ", padding " + padding);
    }
  }

  /**
   * {@return the extent of the output along an axis}
   *
   * @param in the extent of the input along it
   */
  public long outputExtent(long in) {
    return (in + 2L * padding - kernel) / stride + 1;
  }
}

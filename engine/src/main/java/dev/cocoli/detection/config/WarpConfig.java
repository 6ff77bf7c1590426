package dev.cocoli.detection.config;

/**
 * How R-CNN cuts regions out of images.
 *
 * @param size the side that every region is warped to
 * @param context how many of its pixels, on every side, show what is around the region
 * @param batch regions that go through the network together in detection
 */
public record WarpConfig(int size, int context, int batch) {
  /** The paper's, for networks whose side is 224. */
  public static final WarpConfig DEFAULT = new WarpConfig(224, 16, 64);

  /** Checks the values. */
  public WarpConfig {
    Hyperparameters.require(size >= 32 && size % 32 == 0, "warp_size is a multiple of 32");
    Hyperparameters.require(
        context >= 0 && 2 * context < size, "warp_context leaves room in warp_size");
    Hyperparameters.requirePositive("warp_batch", batch);
  }

  /**
   * {@return this with another {@link #size}}
   *
   * @param value the new one
   */
  public WarpConfig withSize(int value) {
    return new WarpConfig(value, context, batch);
  }

  /**
   * {@return this with another {@link #context}}
   *
   * @param value the new one
   */
  public WarpConfig withContext(int value) {
    return new WarpConfig(size, value, batch);
  }

  /**
   * {@return this with another {@link #batch}}
   *
   * @param value the new one
   */
  public WarpConfig withBatch(int value) {
    return new WarpConfig(size, context, value);
  }
}

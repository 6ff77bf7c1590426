package dev.cocoli.detection.config;

import java.util.List;

/**
 * How images become a batch. Sizes are pixels of the resized image.
 *
 * @param minSize the shorter side of an image is resized to this
 * @param maxSize unless the longer one would then exceed this
 * @param imageMean mean of red, green, blue, where white is 1
 * @param imageStd standard deviation of red, green, blue
 */
public record TransformConfig(
    int minSize, int maxSize, List<Float> imageMean, List<Float> imageStd) {
  /** torchvision's; the mean and deviation are ImageNet's. */
  public static final TransformConfig DEFAULT =
      new TransformConfig(
          800, 1333, List.of(0.485f, 0.456f, 0.406f), List.of(0.229f, 0.224f, 0.225f));

  /** Copies and checks. */
  public TransformConfig {
    imageMean = List.copyOf(imageMean);
    imageStd = List.copyOf(imageStd);
    Hyperparameters.require(
        minSize >= 1 && maxSize >= minSize,
        "min_size is at least 1 and at most max_size (%d), not %d".formatted(maxSize, minSize));
    Hyperparameters.require(
        imageMean.size() == 3 && imageStd.size() == 3, "image_mean and image_std have 3 numbers");
    Hyperparameters.require(imageStd.stream().allMatch(std -> std > 0), "image_std is positive");
  }

  /**
   * {@return this with another {@link #minSize}}
   *
   * @param value the new one
   */
  public TransformConfig withMinSize(int value) {
    return new TransformConfig(value, maxSize, imageMean, imageStd);
  }

  /**
   * {@return this with another {@link #maxSize}}
   *
   * @param value the new one
   */
  public TransformConfig withMaxSize(int value) {
    return new TransformConfig(minSize, value, imageMean, imageStd);
  }

  /**
   * {@return this with another {@link #imageMean}}
   *
   * @param value the new one
   */
  public TransformConfig withImageMean(List<Float> value) {
    return new TransformConfig(minSize, maxSize, value, imageStd);
  }

  /**
   * {@return this with another {@link #imageStd}}
   *
   * @param value the new one
   */
  public TransformConfig withImageStd(List<Float> value) {
    return new TransformConfig(minSize, maxSize, imageMean, value);
  }

  /**
   * {@return this with other sizes}
   *
   * @param shorter the new {@link #minSize}
   * @param longer the new {@link #maxSize}
   */
  public TransformConfig withSizes(int shorter, int longer) {
    return new TransformConfig(shorter, longer, imageMean, imageStd);
  }
}

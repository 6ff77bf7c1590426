package dev.cocoli.detection;

import dev.cocoli.backend.spec.NormalizeSpec;
import dev.cocoli.detection.config.TransformConfig;
import dev.cocoli.ops.Ops;
import dev.cocoli.ops.RegionOps;
import dev.cocoli.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * Resizes, normalises and pads images into a batch, and takes boxes there and back (torchvision's
 * {@code GeneralizedRCNNTransform}). In: images {@code [h,w,3]}, U8 or F32; out: {@code [N,H,W,3]}
 * in the type of the activations.
 */
public final class ImageTransform {
  /** The padded size is a multiple of this, the coarsest stride of the backbone. */
  public static final long SIZE_DIVISIBLE = 32;

  private final int minSize;
  private final int maxSize;
  private final NormalizeSpec normalize;

  /**
   * Prepares the transform.
   *
   * @param config sizes, mean and deviation
   */
  public ImageTransform(TransformConfig config) {
    minSize = config.minSize();
    maxSize = config.maxSize();
    normalize = normalization(config);
  }

  /**
   * Returns the normalization of a configuration.
   *
   * @param config the configuration
   * @return the mean and the standard deviation per channel
   */
  public static NormalizeSpec normalization(TransformConfig config) {
    return new NormalizeSpec(floats(config.imageMean()), floats(config.imageStd()));
  }

  private static float[] floats(List<Float> values) {
    float[] result = new float[values.size()];
    for (int i = 0; i < result.length; i++) {
      result[i] = values.get(i);
    }
    return result;
  }

  /**
   * {@return height and width after resizing}
   *
   * <p>A side that would vanish keeps one pixel, where torchvision fails.
   *
   * @param height rows before
   * @param width columns before
   */
  public long[] resizedSize(long height, long width) {
    double scale =
        Math.min(
            (double) minSize / Math.min(height, width), (double) maxSize / Math.max(height, width));
    return new long[] {resized(height, scale), resized(width, scale)};
  }

  private static long resized(long extent, double scale) {
    return Math.max(1, (long) Math.floor(extent * scale));
  }

  /**
   * {@return the images as a batch}
   *
   * @param ops the forward pass
   * @param images one {@code [h,w,3]} or more, U8 from 0 to 255 or F32 from 0 to 1
   */
  public ImageBatch forward(Ops ops, List<Tensor> images) {
    List<long[]> originalSizes = new ArrayList<>();
    List<long[]> sizes = new ArrayList<>();
    long height = 0;
    long width = 0;
    for (Tensor image : images) {
      long[] original = {image.dim(0), image.dim(1)};
      long[] size = resizedSize(original[0], original[1]);
      originalSizes.add(original);
      sizes.add(size);
      height = Math.max(height, size[0]);
      width = Math.max(width, size[1]);
    }
    height = roundUp(height);
    width = roundUp(width);
    int count = images.size();
    Tensor resized = ops.allocate(ops.precision().activations(), count, height, width, 3);
    RegionOps regions = new RegionOps(ops);
    float[] flatSizes = new float[2 * count];
    for (int i = 0; i < count; i++) {
      long[] size = sizes.get(i);
      Tensor slot = resized.rows(i, 1).reshape(height, width, 3);
      regions.resizeNormalize(normalize, images.get(i), size[0], size[1], slot);
      flatSizes[2 * i] = size[0];
      flatSizes[2 * i + 1] = size[1];
    }
    return new ImageBatch(resized, ops.upload(flatSizes, count, 2), sizes, originalSizes);
  }

  private static long roundUp(long extent) {
    return (extent + SIZE_DIVISIBLE - 1) / SIZE_DIVISIBLE * SIZE_DIVISIBLE;
  }
}

package dev.cocoli.detection;

import dev.cocoli.tensor.Tensor;
import java.util.List;

/**
 * Images of several sizes in one tensor.
 *
 * @param images {@code [N,H,W,3]}, normalised, 0 right of and below each image
 * @param imageSizes {@code [N,2]}: height and width of each image in it
 * @param sizes the same on the host
 * @param originalSizes height and width of each image before it was resized
 */
public record ImageBatch(
    Tensor images, Tensor imageSizes, List<long[]> sizes, List<long[]> originalSizes) {}

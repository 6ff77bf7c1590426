package dev.cocoli.detection.head;

import dev.cocoli.tensor.Tensor;

/**
 * Regions that may hold an object, the best first.
 *
 * @param boxes {@code [N,M,4]} in pixels of the resized image; 0 after the last
 * @param counts I32 {@code [N]}, how many an image has
 */
public record Proposals(Tensor boxes, Tensor counts) {}

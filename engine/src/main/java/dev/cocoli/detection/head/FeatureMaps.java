package dev.cocoli.detection.head;

import dev.cocoli.detection.ImageBatch;
import dev.cocoli.tensor.Tensor;
import java.util.List;

/**
 * What regions are pooled from.
 *
 * @param batch the images
 * @param maps what the backbone made of them, {@code [N,H,W,C]}, finest first
 */
public record FeatureMaps(ImageBatch batch, List<Tensor> maps) {}

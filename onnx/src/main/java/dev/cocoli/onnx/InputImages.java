package dev.cocoli.onnx;

import dev.cocoli.detection.ImageTransform;
import dev.cocoli.detection.config.TransformConfig;
import java.util.List;

/**
 * Images of one size that a graph resizes, normalises and pads (torchvision's {@code
 * GeneralizedRCNNTransform}). Sizes are vectors of one whole number.
 *
 * @param count N
 * @param height rows of an original image
 * @param width columns of an original image
 * @param resizedHeight rows after resizing
 * @param resizedWidth columns after resizing
 * @param paddedHeight rows with the padding
 * @param paddedWidth columns with the padding
 * @param pixels {@code [N,3,paddedHeight,paddedWidth]}
 */
record InputImages(
    Value count,
    Value height,
    Value width,
    Value resizedHeight,
    Value resizedWidth,
    Value paddedHeight,
    Value paddedWidth,
    Value pixels) {

  /**
   * {@return the images as a backbone takes them}
   *
   * @param config sizes, mean and deviation
   * @param images {@code [N,3,H,W]}, RGB from 0 to 1
   */
  static InputImages of(TransformConfig config, Value images) {
    Graph graph = images.graph();
    Value count = images.dim(0);
    Value height = images.dim(2);
    Value width = images.dim(3);
    // in double precision as ImageTransform does: in single a size may be one less
    Value rows = height.toDouble();
    Value columns = width.toDouble();
    Value scale =
        graph
            .inDouble(config.minSize())
            .over(rows.min(columns))
            .min(graph.inDouble(config.maxSize()).over(rows.max(columns)));
    Value resizedHeight = resized(rows, scale);
    Value resizedWidth = resized(columns, scale);
    Value paddedHeight = padded(resizedHeight);
    Value paddedWidth = padded(resizedWidth);
    Value pixels =
        Resize.linear(
            images
                .minus(perColour(graph, config.imageMean()))
                .over(perColour(graph, config.imageStd())),
            graph.shape(count, graph.longs(3), resizedHeight, resizedWidth));
    Value after =
        graph.shape(
            graph.longs(0, 0, 0, 0, 0, 0),
            paddedHeight.minus(resizedHeight),
            paddedWidth.minus(resizedWidth));
    pixels = graph.node("Pad", List.of(pixels, after), Graph.attribute("mode", "constant"));
    return new InputImages(
        count, height, width, resizedHeight, resizedWidth, paddedHeight, paddedWidth, pixels);
  }

  private static Value resized(Value extent, Value scale) {
    return extent.times(scale).toLong().max(extent.graph().longs(1));
  }

  private static Value padded(Value extent) {
    long multiple = ImageTransform.SIZE_DIVISIBLE;
    return extent.plus(multiple - 1).over(multiple).times(multiple);
  }

  private static Value perColour(Graph graph, List<Float> values) {
    return graph.floats(new long[] {1, 3, 1, 1}, values.get(0), values.get(1), values.get(2));
  }

  /** Right and lower end of a resized image, {@code [2]}: what boxes are clipped to. */
  Value limit() {
    return resizedWidth.graph().shape(resizedWidth, resizedHeight).toFloat();
  }

  /** Boxes {@code [...,4]} of resized images in pixels of the original ones. */
  Value toOriginal(Value boxes) {
    Value x = width.toFloat().over(resizedWidth.toFloat());
    Value y = height.toFloat().over(resizedHeight.toFloat());
    return boxes.times(x.graph().shape(x, y, x, y));
  }
}

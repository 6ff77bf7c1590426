package dev.cocoli.nn;

import dev.cocoli.tensor.Shape;

/**
 * The order of a parameter's elements in a torch file and in the engine: torch stores feature maps
 * channels first, the engine channels last. Elements are converted once, when a file is read or
 * written.
 */
public sealed interface Layout {
  /** The same order in both. */
  Layout PLAIN = new Plain();

  /** A convolution's weight: {@code [O,I,kH,kW]} in a file, {@code [O,kH,kW,I]} in the engine. */
  Layout CONVOLUTION = new Convolution();

  /** The same order in both. */
  record Plain() implements Layout {}

  /** A convolution's weight. */
  record Convolution() implements Layout {}

  /**
   * The weight of a layer that reads a flattened map: {@code [O, C*bins*bins]} in a torch file,
   * {@code [O, bins*bins*C]} in the engine.
   *
   * @param channels C
   * @param bins extent of the map along each axis
   */
  record FlattenedMap(long channels, long bins) implements Layout {}

  /**
   * {@return the shape in a torch file}
   *
   * @param here the shape in the engine
   */
  default Shape torchShape(Shape here) {
    return this instanceof Convolution
        ? Shape.of(here.dim(0), here.dim(3), here.dim(1), here.dim(2))
        : here;
  }

  /**
   * {@return the three extents {@code (outer, channels, pixels)} of which the last two are
   * transposed between file and engine; (1, 1, n) if nothing is transposed}
   *
   * @param here the shape in the engine
   */
  default long[] transpose(Shape here) {
    return switch (this) {
      case Plain plain -> new long[] {1, 1, here.elementCount()};
      case Convolution convolution ->
          new long[] {here.dim(0), here.dim(3), here.dim(1) * here.dim(2)};
      case FlattenedMap map -> new long[] {here.dim(0), map.channels, map.bins * map.bins};
    };
  }
}

package dev.cocoli.nn;

import dev.cocoli.tensor.Shape;

/**
 * How a parameter's elements lie in a torch file, and how here: torch's maps are channels first,
 * ours channels last. Converted once, when a file is read or written.
 */
public sealed interface Layout {
  /** The same on both sides. */
  Layout PLAIN = new Plain();

  /** A convolution's weight: {@code [O,I,kH,kW]} there, {@code [O,kH,kW,I]} here. */
  Layout CONVOLUTION = new Convolution();

  /** The same on both sides. */
  record Plain() implements Layout {}

  /** A convolution's weight. */
  record Convolution() implements Layout {}

  /**
   * The weight of a layer that reads a flattened map: {@code [O, C*bins*bins]} there, {@code [O,
   * bins*bins*C]} here.
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
   * {@return the three extents {@code (outer, channels, pixels)} whose last two are swapped between
   * the sides; (1, 1, n) for none}
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

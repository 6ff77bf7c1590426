package dev.cocoli.nn;

import java.util.random.RandomGenerator;

/** Draws a parameter's first values: torch's and torchvision's defaults. */
public sealed interface Initializer {
  /** All zero. */
  Initializer ZEROS = new Constant(0);

  /** All one. */
  Initializer ONES = new Constant(1);

  /**
   * One value.
   *
   * @param value the value
   */
  record Constant(float value) implements Initializer {}

  /**
   * A normal distribution around 0.
   *
   * @param std its standard deviation
   */
  record Normal(double std) implements Initializer {}

  /**
   * A uniform distribution around 0.
   *
   * @param bound its largest value
   */
  record Uniform(double bound) implements Initializer {}

  /**
   * {@return He's normal initialisation by the fan out, for layers followed by a ReLU: torch's
   * {@code kaiming_normal_(mode="fan_out", nonlinearity="relu")}, which torchvision's ResNet uses}
   *
   * @param fanOut output channels times the window's taps
   */
  static Initializer kaimingNormal(long fanOut) {
    return new Normal(Math.sqrt(2.0 / fanOut));
  }

  /**
   * {@return torch's {@code kaiming_uniform_} with a leaky ReLU of slope a}
   *
   * @param a the slope: 1 in torchvision's pyramid, sqrt(5) in torch's linear layers
   * @param fanIn input channels times the window's taps
   */
  static Initializer kaimingUniform(double a, long fanIn) {
    return new Uniform(Math.sqrt(6.0 / ((1 + a * a) * fanIn)));
  }

  /**
   * Draws values.
   *
   * @param values overwritten
   * @param random the generator
   */
  default void fill(float[] values, RandomGenerator random) {
    for (int i = 0; i < values.length; i++) {
      values[i] =
          switch (this) {
            case Constant(float value) -> value;
            case Normal(double std) -> (float) (std * random.nextGaussian());
            case Uniform(double bound) -> (float) (bound * (2 * random.nextDouble() - 1));
          };
    }
  }
}

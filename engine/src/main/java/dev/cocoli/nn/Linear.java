package dev.cocoli.nn;

import dev.cocoli.backend.spec.Activation;
import dev.cocoli.ops.DenseOps;
import dev.cocoli.ops.Ops;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Shape;
import dev.cocoli.tensor.Tensor;

/** A fully connected layer. In: {@code [M,I]}; out: {@code [M,O]}. */
public final class Linear extends Module {
  private final Parameter weight;
  private final Parameter bias;

  /**
   * Creates a layer for plain features, with torch's default initialisation.
   *
   * @param in I
   * @param out O
   */
  public Linear(long in, long out) {
    this(in, out, Layout.PLAIN);
  }

  /**
   * Creates a layer whose input may be a flattened map.
   *
   * @param in I
   * @param out O
   * @param layout how the weight lies in a torch file
   */
  public Linear(long in, long out, Layout layout) {
    Initializer uniform = Initializer.kaimingUniform(Math.sqrt(5), in);
    weight = parameter("weight", Shape.of(out, in), layout, uniform);
    bias =
        parameter("bias", Shape.of(out), Layout.PLAIN, new Initializer.Uniform(1 / Math.sqrt(in)));
  }

  /**
   * Says which outputs belong to which class, so that weights for other classes can be told apart.
   *
   * @param rows of weight and bias
   * @return this
   */
  public Linear ofClasses(ClassRows rows) {
    weight.setClassRows(rows);
    bias.setClassRows(rows);
    return this;
  }

  /**
   * {@return the activated output, {@code [M,O]}}
   *
   * @param ops the forward pass
   * @param x {@code [M,I]}
   * @param activation applied last
   */
  public Tensor forward(Ops ops, Tensor x, Activation activation) {
    return new DenseOps(ops).linear(activation, x, weight.value(), bias.value());
  }

  /**
   * {@return the output {@code [M,O]} in fp32 whatever the type of the input, as losses and boxes
   * need it}
   *
   * @param ops the forward pass
   * @param x {@code [M,I]}
   */
  public Tensor predict(Ops ops, Tensor x) {
    return new DenseOps(ops).linear(Activation.NONE, x, weight.value(), bias.value(), DType.F32);
  }
}

package dev.cocoli.ops;

import static dev.cocoli.ops.Ops.isLike;
import static dev.cocoli.ops.Ops.require;

import dev.cocoli.backend.primitives.Convolutions;
import dev.cocoli.backend.primitives.Dense;
import dev.cocoli.backend.primitives.Elementwise;
import dev.cocoli.backend.primitives.GradientSums;
import dev.cocoli.backend.spec.Activation;
import dev.cocoli.backend.spec.Conv2dSpec;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import java.util.Arrays;
import java.util.function.Consumer;

/**
 * Differentiable layers with weights: convolutions and fully connected layers. They check shapes;
 * the backend does not.
 */
public final class DenseOps {
  private final Ops ops;
  private final Tape tape;
  private final Convolutions convolutions;
  private final Dense dense;
  private final Elementwise elementwise;

  /**
   * Operations of a forward pass.
   *
   * @param ops the pass
   */
  public DenseOps(Ops ops) {
    this.ops = ops;
    tape = ops.tape();
    convolutions = ops.backend().convolutions();
    dense = ops.backend().dense();
    elementwise = ops.backend().elementwise();
  }

  /**
   * {@return {@code activation(conv(x, weight) * scale + shift + residual)}, {@code [N,H',W',O]},
   * in the type of x}
   *
   * @param spec window and activation
   * @param x {@code [N,H,W,I]}
   * @param weight {@code [O,kH,kW,I]}
   * @param scale {@code [O]} or null; has no gradient
   * @param shift {@code [O]} or null
   * @param residual like the result, or null
   */
  public Tensor conv2d(
      Conv2dSpec spec, Tensor x, Tensor weight, Tensor scale, Tensor shift, Tensor residual) {
    return conv2d(spec, x, weight, scale, shift, residual, x.dtype());
  }

  /**
   * {@return {@code activation(conv(x, weight) * scale + shift + residual)}, {@code [N,H',W',O]}}
   *
   * @param spec window and activation
   * @param x {@code [N,H,W,I]}
   * @param weight {@code [O,kH,kW,I]}
   * @param scale {@code [O]} or null; has no gradient
   * @param shift {@code [O]} or null
   * @param residual like the result, or null
   * @param dtype of the result: that of x, or F32
   */
  public Tensor conv2d(
      Conv2dSpec spec,
      Tensor x,
      Tensor weight,
      Tensor scale,
      Tensor shift,
      Tensor residual,
      DType dtype) {
    Tensor y = output(spec, x, weight, dtype);
    long channels = weight.dim(0);
    require(scale == null || scale.elementCount() == channels, "conv2d scale", weight, scale);
    require(shift == null || shift.elementCount() == channels, "conv2d shift", weight, shift);
    require(residual == null || isLike(residual, y), "conv2d residual", y, residual);
    convolutions.conv2d(spec, x, weight, scale, shift, residual, y);
    return recorded(spec, x, weight, scale, shift, residual, y);
  }

  /**
   * The result of a convolution that a normalisation follows.
   *
   * @param y {@code [N,H',W',O]}
   * @param sums {@code [2,O]}, see {@link Convolutions#conv2dMoments}; null if they are not there
   */
  public record Summed(Tensor y, Tensor sums) {}

  /**
   * {@return {@code conv(x, weight)}, in the type of x, with sums for a normalisation of this
   * replica alone, where the backend has them in passing}
   *
   * @param spec the window, without an activation
   * @param x {@code [N,H,W,I]}
   * @param weight {@code [O,kH,kW,I]}
   * @param centre {@code [O]}, about which is summed
   */
  public Summed conv2dMoments(Conv2dSpec spec, Tensor x, Tensor weight, Tensor centre) {
    Tensor y = output(spec, x, weight, x.dtype());
    require(centre.elementCount() == weight.dim(0), "conv2d centre", weight, centre);
    Tensor sums = null;
    if (convolutions.sumsInPassing() && ops.replicas().isEmpty()) {
      Tensor some = ops.zeros(2, weight.dim(0));
      sums = convolutions.conv2dMoments(spec, x, weight, centre, some, y) ? some : null;
    } else {
      convolutions.conv2d(spec, x, weight, null, null, null, y);
    }
    return new Summed(recorded(spec, x, weight, null, null, null, y), sums);
  }

  private Tensor output(Conv2dSpec spec, Tensor x, Tensor weight, DType dtype) {
    require(x.shape().rank() == 4 && weight.shape().rank() == 4, "conv2d", x, weight);
    require(weight.dim(3) == x.dim(3) && weight.dim(1) == spec.kernel(), "conv2d", x, weight);
    long height = spec.outputExtent(x.dim(1));
    long width = spec.outputExtent(x.dim(2));
    require(height > 0 && width > 0, "conv2d leaves nothing", x, weight);
    return ops.allocate(dtype, x.dim(0), height, width, weight.dim(0));
  }

  private Tensor recorded(
      Conv2dSpec spec,
      Tensor x,
      Tensor weight,
      Tensor scale,
      Tensor shift,
      Tensor residual,
      Tensor y) {
    return recorded(
        y,
        spec.activation(),
        x,
        weight,
        shift,
        residual,
        tape.tracks(shift) && convolutions.sumsInPassing()
            ? GradientSums.ofBias(ops.zeros(1, weight.dim(0)))
            : null,
        (dy, dWeight, dShift) ->
            convolutions.conv2dBackwardWeight(spec, x, dy, scale, dWeight, dShift),
        dy -> {
          Tensor sum = tape.gradient(x);
          boolean masks = tape.mayMask(x);
          GradientSums sums = tape.wantedSums(x);
          if (masks || sums != null) {
            Tensor dx = ops.like(x);
            boolean summed =
                convolutions.conv2dBackwardData(
                    spec, dy, weight, scale, sum, masks ? x : null, sums, dx);
            tape.contributeLast(x, dx, masks || summed && sums.masked(), summed);
            return;
          }
          Tensor dx = sum == null ? ops.like(x) : sum;
          convolutions.conv2dBackwardData(spec, dy, weight, scale, sum, null, null, dx);
          if (sum == null) {
            tape.contribute(x, dx);
          }
        });
  }

  /**
   * {@return {@code activation(x weight^T + bias)}, {@code [M,O]}, in the type of x}
   *
   * @param activation applied last
   * @param x {@code [M,I]}
   * @param weight {@code [O,I]}
   * @param bias {@code [O]} or null
   */
  public Tensor linear(Activation activation, Tensor x, Tensor weight, Tensor bias) {
    return linear(activation, x, weight, bias, x.dtype());
  }

  /**
   * {@return {@code activation(x weight^T + bias)}, {@code [M,O]}}
   *
   * @param activation applied last
   * @param x {@code [M,I]}
   * @param weight {@code [O,I]}
   * @param bias {@code [O]} or null
   * @param dtype of the result: that of x, or F32
   */
  public Tensor linear(Activation activation, Tensor x, Tensor weight, Tensor bias, DType dtype) {
    require(x.shape().rank() == 2 && weight.shape().rank() == 2, "linear", x, weight);
    require(x.dim(1) == weight.dim(1), "linear", x, weight);
    require(bias == null || bias.elementCount() == weight.dim(0), "linear bias", weight, bias);
    Tensor y = ops.allocate(dtype, x.dim(0), weight.dim(0));
    dense.linear(activation, x, weight, bias, y);
    return recorded(
        y,
        activation,
        x,
        weight,
        bias,
        null,
        null,
        (dy, dWeight, dBias) -> dense.linearBackwardWeight(x, dy, dWeight, dBias),
        dy -> {
          Tensor dx = ops.like(x);
          dense.linearBackwardData(dy, weight, dx);
          tape.contribute(x, dx);
        });
  }

  /** Adds the gradients of a layer's parameters. */
  @FunctionalInterface
  private interface ByParameters {
    void add(Tensor dy, Tensor dWeight, Tensor dBias);
  }

  /**
   * Records a layer {@code y = activation(f(x, weight) + bias + residual)}.
   *
   * @param sums offered to whoever completes the gradient of y; or null
   * @param byParameters adds the gradients of weight and bias; that of the bias may be null
   * @param byInput takes the gradient of y and contributes that of x
   * @return y
   */
  private Tensor recorded(
      Tensor y,
      Activation activation,
      Tensor x,
      Tensor weight,
      Tensor bias,
      Tensor residual,
      GradientSums sums,
      ByParameters byParameters,
      Consumer<Tensor> byInput) {
    tape.record(
        y,
        Arrays.asList(x, residual),
        Arrays.asList(weight, bias),
        dy -> {
          if (activation == Activation.RELU && !tape.isMasked()) {
            elementwise.reluBackward(y, dy);
          }
          // the primitives take the gradient in the type of the input
          Tensor gradient = dy.dtype() == x.dtype() ? dy : ops.converted(dy, x.dtype());
          Tensor dWeight = tape.leafGradient(weight);
          Tensor dBias = tape.leafGradient(bias);
          if (dBias != null && tape.isSummed()) {
            elementwise.add(dBias, sums.sums().reshape(dBias.elementCount()), dBias);
            dBias = null;
          }
          if (dWeight != null) {
            byParameters.add(gradient, dWeight, dBias);
          } else if (dBias != null) {
            Tensor unwanted = ops.allocate(DType.F32, weight.shape().toArray());
            byParameters.add(gradient, unwanted, dBias);
            ops.scope().release(unwanted);
          }
          if (tape.tracks(x)) {
            byInput.accept(gradient);
          }
          if (gradient != dy) {
            ops.scope().release(gradient);
          }
          if (tape.tracks(residual)) {
            tape.contribute(residual, dy);
          }
        });
    if (activation == Activation.RELU) {
      tape.activated(y);
    }
    tape.offerSums(y, sums);
    return y;
  }
}

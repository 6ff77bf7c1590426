package dev.cocoli.ops;

import static dev.cocoli.ops.Ops.isLike;
import static dev.cocoli.ops.Ops.require;

import dev.cocoli.backend.primitives.Elementwise;
import dev.cocoli.backend.primitives.GradientSums;
import dev.cocoli.backend.primitives.Norms;
import dev.cocoli.backend.primitives.Pooling;
import dev.cocoli.backend.primitives.Upsampling;
import dev.cocoli.backend.spec.Activation;
import dev.cocoli.backend.spec.BatchNormSpec;
import dev.cocoli.backend.spec.Pool2dSpec;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Shape;
import dev.cocoli.tensor.Tensor;
import java.util.Arrays;
import java.util.List;

/**
 * Differentiable operations on maps {@code [N,H,W,C]} that have no weights of their own. They check
 * shapes; the backend does not.
 */
public final class MapOps {
  private final Ops ops;
  private final Tape tape;
  private final Norms norms;
  private final Pooling pooling;
  private final Upsampling upsampling;
  private final Elementwise elementwise;

  /**
   * Operations of a forward pass.
   *
   * @param ops the pass
   */
  public MapOps(Ops ops) {
    this.ops = ops;
    tape = ops.tape();
    norms = ops.backend().norms();
    pooling = ops.backend().pooling();
    upsampling = ops.backend().upsampling();
    elementwise = ops.backend().elementwise();
  }

  /**
   * {@return the input normalised with its own statistics, then activated}
   *
   * @param spec constants and activation
   * @param x {@code [N,H,W,C]}
   * @param weight {@code [C]}
   * @param bias {@code [C]}
   * @param residual like x, added before the activation; or null
   * @param runningMean {@code [C]}, updated
   * @param runningVar {@code [C]}, updated
   */
  public Tensor batchNorm(
      BatchNormSpec spec,
      Tensor x,
      Tensor weight,
      Tensor bias,
      Tensor residual,
      Tensor runningMean,
      Tensor runningVar) {
    return batchNorm(
        spec, new DenseOps.Summed(x, null), weight, bias, residual, runningMean, runningVar);
  }

  /**
   * {@return the input normalised with its own statistics, then activated}
   *
   * @param spec constants and activation
   * @param summed {@code [N,H,W,C]}, with sums about the running mean
   * @param weight {@code [C]}
   * @param bias {@code [C]}
   * @param residual like the input, added before the activation; or null
   * @param runningMean {@code [C]}, updated
   * @param runningVar {@code [C]}, updated
   */
  public Tensor batchNorm(
      BatchNormSpec spec,
      DenseOps.Summed summed,
      Tensor weight,
      Tensor bias,
      Tensor residual,
      Tensor runningMean,
      Tensor runningVar) {
    Tensor x = summed.y();
    long channels = x.dim(-1);
    require(weight.elementCount() == channels, "batch norm", x, weight);
    require(residual == null || isLike(residual, x), "batch norm", x, residual);
    if (x.elementCount() == channels) {
      throw new IllegalArgumentException(
          "batch normalisation of " + x + " needs more than one value per channel");
    }
    if (ops.replicas().isPresent()) {
      return new SynchronizedBatchNorm(ops, ops.replicas().get())
          .forward(spec, x, weight, bias, residual, runningMean, runningVar);
    }
    Tensor mean = ops.allocate(DType.F32, channels);
    Tensor invStd = ops.allocate(DType.F32, channels);
    Tensor y = ops.like(x);
    norms.batchNorm(
        spec, x, weight, bias, residual, runningMean, runningVar, summed.sums(), mean, invStd, y);
    // without a residual the mask follows from what the gradient reads in any case
    boolean relu = spec.activation() == Activation.RELU;
    boolean offersMask = relu && residual != null && !norms.masksInPassing();
    GradientSums sums =
        ops.backend().convolutions().sumsInPassing()
            ? new GradientSums(
                new GradientSums.Norm(x, weight, bias, mean, invStd),
                relu && !offersMask,
                ops.zeros(2, channels))
            : null;
    tape.record(
        y,
        Arrays.asList(x, residual),
        Arrays.asList(weight, bias),
        dy -> {
          Tensor dx = ops.like(x);
          norms.batchNormBackward(
              tape.isMasked() ? spec.withoutActivation() : spec,
              x,
              weight,
              bias,
              residual,
              mean,
              invStd,
              y,
              dy,
              tape.isSummed() ? sums.sums() : null,
              dx,
              tape.leafGradient(weight),
              tape.leafGradient(bias));
          tape.contribute(x, dx);
          if (tape.tracks(residual)) {
            tape.contribute(residual, dy);
          }
        });
    if (offersMask) {
      tape.activated(y);
    }
    tape.offerSums(y, sums);
    return y;
  }

  /**
   * {@return the maximum over windows, {@code [N,H',W',C]}}
   *
   * @param spec the window
   * @param x {@code [N,H,W,C]}
   */
  public Tensor maxPool2d(Pool2dSpec spec, Tensor x) {
    require(x.shape().rank() == 4, "max pool", x, spec);
    long height = spec.outputExtent(x.dim(1));
    long width = spec.outputExtent(x.dim(2));
    require(height > 0 && width > 0, "max pool leaves nothing", x, spec);
    Shape shape = Shape.of(x.dim(0), height, width, x.dim(3));
    Tensor y = ops.scope().allocate(x.dtype(), shape);
    Tensor argmax = tape.tracks(x) ? ops.scope().allocate(DType.U8, shape) : null;
    pooling.maxPool2d(spec, x, y, argmax);
    tape.record(
        y,
        List.of(x),
        List.of(),
        dy -> {
          // a maximum is positive where its place in x is, so that a ReLU's mask fits either map
          boolean masks = tape.mayMask(x) && tape.gradient(x) == null;
          if (masks && !tape.isMasked()) {
            elementwise.reluBackward(y, dy);
          }
          Tensor dx = ops.like(x);
          pooling.maxPool2dBackward(spec, dy, argmax, dx);
          ops.scope().release(argmax);
          if (masks) {
            tape.contributeLast(x, dx, true, false);
          } else {
            tape.contribute(x, dx);
          }
        });
    if (tape.isActivated(x)) {
      tape.activated(y);
    }
    return y;
  }

  /**
   * {@return the coarse map enlarged to the fine one's size by nearest neighbours, plus the fine
   * one}
   *
   * @param coarse {@code [N,h,w,C]}
   * @param fine {@code [N,H,W,C]}
   */
  public Tensor upsampleAdd(Tensor coarse, Tensor fine) {
    require(coarse.dim(0) == fine.dim(0) && coarse.dim(3) == fine.dim(3), "upsample", coarse, fine);
    Tensor y = ops.like(fine);
    upsampling.upsampleNearest(coarse, fine, y);
    tape.record(
        y,
        List.of(coarse, fine),
        List.of(),
        dy -> {
          if (tape.tracks(coarse)) {
            Tensor sum = tape.gradient(coarse);
            Tensor dCoarse = sum == null ? ops.like(coarse) : sum;
            upsampling.upsampleNearestBackward(dy, sum, dCoarse);
            if (sum == null) {
              tape.contribute(coarse, dCoarse);
            }
          }
          tape.handOver(fine, dy);
        });
    // what a ReLU masks is not the gradient of the sum
    GradientSums sums = tape.offeredSums(fine);
    if (sums != null && !sums.masked() && !tape.isActivated(fine)) {
      tape.offerSums(y, sums);
    }
    return y;
  }
}

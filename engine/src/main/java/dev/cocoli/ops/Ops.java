package dev.cocoli.ops;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.CapturedRegion;
import dev.cocoli.backend.Constants;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.backend.spec.Activation;
import dev.cocoli.backend.spec.BatchNormSpec;
import dev.cocoli.backend.spec.Conv2dSpec;
import dev.cocoli.backend.spec.Pool2dSpec;
import dev.cocoli.backend.spec.RoiAlignSpec;
import dev.cocoli.backend.spec.RoiPoolSpec;
import dev.cocoli.distributed.Communicator;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Precision;
import dev.cocoli.tensor.Shape;
import dev.cocoli.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Differentiable operations of one forward pass: allocates results in a scope, calls the backend,
 * records on the tape. Checks shapes; the backend does not.
 */
public final class Ops {
  private final Backend backend;
  private final TensorScope scope;
  private final Tape tape;
  private final Precision precision;
  private final Optional<Communicator> replicas;

  /**
   * Begins a forward pass in fp32.
   *
   * @param backend what computes
   * @param scope where results live
   * @param tape what remembers; {@link Tape#NONE} for inference
   */
  public Ops(Backend backend, TensorScope scope, Tape tape) {
    this(backend, scope, tape, Precision.FP32);
  }

  /**
   * Begins a forward pass.
   *
   * @param backend what computes
   * @param scope where results live
   * @param tape what remembers; {@link Tape#NONE} for inference
   * @param precision what a network's activations are in
   * @throws IllegalArgumentException if the backend does not compute in it
   */
  public Ops(Backend backend, TensorScope scope, Tape tape, Precision precision) {
    this(backend, scope, tape, precision, Optional.empty());
  }

  /**
   * Begins a forward pass whose batch norms may share their statistics.
   *
   * @param backend what computes
   * @param scope where results live
   * @param tape what remembers; {@link Tape#NONE} for inference
   * @param precision what a network's activations are in
   * @param replicas who they share them with
   * @throws IllegalArgumentException if the backend does not compute in it, or does not share
   *     statistics
   */
  public Ops(
      Backend backend,
      TensorScope scope,
      Tape tape,
      Precision precision,
      Optional<Communicator> replicas) {
    backend.require(precision);
    if (replicas.isPresent() && backend.splitBatchNorm().isEmpty()) {
      throw new IllegalArgumentException(
          "batch norms cannot share their statistics on " + backend.device());
    }
    this.replicas = replicas;
    this.backend = backend;
    this.scope = scope;
    this.tape = tape;
    this.precision = precision;
  }

  /** {@return what computes} */
  public Backend backend() {
    return backend;
  }

  /** {@return the same pass with a tape that records nothing: what it computes has no gradient} */
  public Ops untracked() {
    return tape.isRecording() ? new Ops(backend, scope, Tape.NONE, precision, replicas) : this;
  }

  /** {@return what is kept on the device because it follows from shapes alone} */
  public Constants constants() {
    return backend.constants();
  }

  /** {@return where results live} */
  public TensorScope scope() {
    return scope;
  }

  /** {@return what remembers} */
  public Tape tape() {
    return tape;
  }

  /** {@return what a network's activations are in} */
  public Precision precision() {
    return precision;
  }

  /**
   * {@return a new tensor with undefined elements}
   *
   * @param dtype the element type
   * @param dims the extents
   */
  public Tensor allocate(DType dtype, long... dims) {
    return scope.allocate(dtype, dims);
  }

  Tensor like(Tensor x) {
    return scope.allocate(x.dtype(), x.shape());
  }

  /**
   * {@return a tensor on the device with these values}
   *
   * @param values row-major
   * @param dims the extents
   */
  public Tensor upload(float[] values, long... dims) {
    Tensor tensor = allocate(DType.F32, dims);
    require(tensor.elementCount() == values.length, "values", tensor, values.length);
    upload(MemorySegment.ofArray(values), tensor);
    return tensor;
  }

  /**
   * {@return a tensor on the device with these values}
   *
   * @param values row-major
   * @param dims the extents
   */
  public Tensor upload(int[] values, long... dims) {
    Tensor tensor = allocate(DType.I32, dims);
    require(tensor.elementCount() == values.length, "values", tensor, values.length);
    upload(MemorySegment.ofArray(values), tensor);
    return tensor;
  }

  private void upload(MemorySegment values, Tensor tensor) {
    if (values.byteSize() > 0) {
      backend.upload(values, tensor);
    }
  }

  /**
   * Waits for a tensor and copies it to the host.
   *
   * @param tensor F32
   * @return its elements, row-major
   */
  public float[] download(Tensor tensor) {
    float[] values = new float[Math.toIntExact(tensor.elementCount())];
    if (values.length > 0) {
      backend.download(tensor, MemorySegment.ofArray(values));
    }
    return values;
  }

  /**
   * Says that the forward pass does not read a tensor again. Its memory, and that of its views,
   * goes back at once unless the backward pass needs it, which then frees it.
   *
   * @param tensor the tensor
   */
  public void release(Tensor tensor) {
    if (!tape.isRecording() || !tape.holds(tensor)) {
      scope.release(tensor);
    }
  }

  /** A part of a forward pass: see {@link #captured}. */
  @FunctionalInterface
  public interface Part {
    /**
     * {@return the results}
     *
     * @param ops the forward pass
     * @param input the input; released
     */
    List<Tensor> forward(Ops ops, Tensor input);
  }

  /**
   * Runs a part of a forward pass that makes the same calls whenever its input has the same shape
   * and type, so that a device may remember them. It does not upload, download or wait; besides its
   * input it reads parameters alone.
   *
   * @param owner whose part it is; an owner has one
   * @param input the input; released
   * @param part the part
   * @return its results, valid until the next such part runs
   */
  public List<Tensor> captured(Object owner, Tensor input, Part part) {
    if (replicas.isPresent()) {
      // their collectives go to a queue of their own
      return part.forward(this, input);
    }
    CapturedRegion.Key key = new CapturedRegion.Key(owner, input.shape(), input.dtype());
    return tape.isRecording()
        ? backend.capture(key, (same, x) -> part.forward(this, x), scope, input)
        : backend.replay(
            key,
            (other, x) -> part.forward(new Ops(backend, other, tape, precision), x),
            scope,
            input);
  }

  /** Runs the gradients of all losses recorded, and empties the tape. */
  public void backward() {
    tape.backward(this);
  }

  /**
   * {@return the same numbers as another type; the tensor itself if it is of that}
   *
   * @param x F32 or BF16
   * @param dtype F32 or BF16
   */
  public Tensor cast(Tensor x, DType dtype) {
    if (x.dtype() == dtype) {
      return x;
    }
    Tensor y = converted(x, dtype);
    tape.record(y, List.of(x), List.of(), dy -> tape.contribute(x, converted(dy, x.dtype())));
    return y;
  }

  private Tensor converted(Tensor x, DType dtype) {
    Tensor y = scope.allocate(dtype, x.shape());
    backend.cast(x, y);
    return y;
  }

  /**
   * Passes a gradient of an output to a primitive that wants it in the type of the input.
   *
   * @param dy the gradient
   * @param dtype the type of the input
   * @param use what to do with it
   */
  private void withGradient(Tensor dy, DType dtype, Consumer<Tensor> use) {
    if (dy.dtype() == dtype) {
      use.accept(dy);
      return;
    }
    Tensor converted = converted(dy, dtype);
    use.accept(converted);
    scope.release(converted);
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
    require(x.shape().rank() == 4 && weight.shape().rank() == 4, "conv2d", x, weight);
    require(weight.dim(3) == x.dim(3) && weight.dim(1) == spec.kernel(), "conv2d", x, weight);
    long height = spec.outputExtent(x.dim(1));
    long width = spec.outputExtent(x.dim(2));
    require(height > 0 && width > 0, "conv2d leaves nothing", x, weight);
    long channels = weight.dim(0);
    require(scale == null || scale.elementCount() == channels, "conv2d scale", weight, scale);
    require(shift == null || shift.elementCount() == channels, "conv2d shift", weight, shift);
    Tensor y = allocate(dtype, x.dim(0), height, width, channels);
    require(residual == null || isLike(residual, y), "conv2d residual", y, residual);
    backend.conv2d(spec, x, weight, scale, shift, residual, y);
    tape.record(
        y,
        Arrays.asList(x, residual),
        Arrays.asList(weight, shift),
        dy -> {
          if (spec.activation() == Activation.RELU) {
            backend.reluBackward(y, dy);
          }
          withGradient(
              dy,
              x.dtype(),
              gradient -> {
                Tensor dWeight = tape.leafGradient(weight);
                if (dWeight != null) {
                  Tensor dShift = tape.leafGradient(shift);
                  backend.conv2dBackwardWeight(spec, x, gradient, scale, dWeight, dShift);
                }
                if (tape.tracks(x)) {
                  Tensor sum = tape.gradient(x);
                  Tensor dx = sum == null ? like(x) : sum;
                  backend.conv2dBackwardData(spec, gradient, weight, scale, sum, dx);
                  if (sum == null) {
                    tape.contribute(x, dx);
                  }
                }
              });
          if (tape.tracks(residual)) {
            tape.contribute(residual, dy);
          }
        });
    return y;
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
    Tensor y = allocate(dtype, x.dim(0), weight.dim(0));
    backend.linear(activation, x, weight, bias, y);
    tape.record(
        y,
        List.of(x),
        Arrays.asList(weight, bias),
        dy -> {
          if (activation == Activation.RELU) {
            backend.reluBackward(y, dy);
          }
          withGradient(
              dy,
              x.dtype(),
              gradient -> {
                Tensor dWeight = tape.leafGradient(weight);
                if (dWeight != null) {
                  backend.linearBackwardWeight(x, gradient, dWeight, tape.leafGradient(bias));
                }
                if (tape.tracks(x)) {
                  Tensor dx = like(x);
                  backend.linearBackwardData(gradient, weight, dx);
                  tape.contribute(x, dx);
                }
              });
        });
    return y;
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
    long channels = x.dim(-1);
    require(weight.elementCount() == channels, "batch norm", x, weight);
    require(residual == null || isLike(residual, x), "batch norm", x, residual);
    if (x.elementCount() == channels) {
      throw new IllegalArgumentException(
          "batch normalisation of " + x + " needs more than one value a channel");
    }
    if (replicas.isPresent()) {
      return new SynchronizedBatchNorm(this, replicas.get())
          .forward(spec, x, weight, bias, residual, runningMean, runningVar);
    }
    Tensor mean = allocate(DType.F32, channels);
    Tensor invStd = allocate(DType.F32, channels);
    Tensor y = like(x);
    backend.batchNorm(spec, x, weight, bias, residual, runningMean, runningVar, mean, invStd, y);
    tape.record(
        y,
        Arrays.asList(x, residual),
        Arrays.asList(weight, bias),
        dy -> {
          Tensor dx = like(x);
          backend.batchNormBackward(
              spec,
              x,
              weight,
              bias,
              residual,
              mean,
              invStd,
              y,
              dy,
              dx,
              tape.leafGradient(weight),
              tape.leafGradient(bias));
          tape.contribute(x, dx);
          if (tape.tracks(residual)) {
            tape.contribute(residual, dy);
          }
        });
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
    Tensor y = scope.allocate(x.dtype(), shape);
    Tensor argmax = tape.tracks(x) ? scope.allocate(DType.U8, shape) : null;
    backend.maxPool2d(spec, x, y, argmax);
    tape.record(
        y,
        List.of(x),
        List.of(),
        dy -> {
          Tensor dx = like(x);
          backend.maxPool2dBackward(spec, dy, argmax, dx);
          scope.release(argmax);
          tape.contribute(x, dx);
        });
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
    Tensor y = like(fine);
    backend.upsampleNearest(coarse, fine, y);
    tape.record(
        y,
        List.of(coarse, fine),
        List.of(),
        dy -> {
          if (tape.tracks(coarse)) {
            Tensor dCoarse = like(coarse);
            backend.upsampleNearestBackward(dy, dCoarse);
            tape.contribute(coarse, dCoarse);
          }
          if (tape.tracks(fine)) {
            tape.contribute(fine, dy);
          }
        });
    return y;
  }

  /**
   * {@return the same elements under another shape, sharing memory}
   *
   * @param x any tensor
   * @param dims the extents
   */
  public Tensor reshape(Tensor x, long... dims) {
    Tensor y = x.reshape(dims);
    tape.recordView(y, x, dy -> tape.contribute(x, dy.reshape(x.shape().toArray())));
    return y;
  }

  /**
   * {@return matrices side by side, {@code [R, sum of C]}}
   *
   * @param parts one {@code [R,C]} or more
   */
  public Tensor concatColumns(List<Tensor> parts) {
    long rows = parts.getFirst().dim(0);
    long width = 0;
    for (Tensor part : parts) {
      require(part.shape().rank() == 2 && part.dim(0) == rows, "concat", parts.getFirst(), part);
      width += part.dim(1);
    }
    Tensor y = allocate(parts.getFirst().dtype(), rows, width);
    long column = 0;
    for (Tensor part : parts) {
      backend.copyColumns(part, 0, y, column, part.dim(1));
      column += part.dim(1);
    }
    List<Tensor> inputs = new ArrayList<>(parts);
    tape.record(
        y,
        inputs,
        List.of(),
        dy -> {
          long at = 0;
          for (Tensor part : inputs) {
            if (tape.tracks(part)) {
              Tensor dPart = like(part);
              backend.copyColumns(dy, at, dPart, 0, part.dim(1));
              tape.contribute(part, dPart);
            }
            at += part.dim(1);
          }
        });
    return y;
  }

  /**
   * {@return chosen rows of each image, {@code [N,M,C]}}
   *
   * @param x {@code [N,R,C]}
   * @param indices I32 {@code [N,M]}; a negative one picks zeros (F32) or -1 (I32)
   */
  public Tensor gatherRows(Tensor x, Tensor indices) {
    require(x.shape().rank() == 3 && x.dim(0) == indices.dim(0), "gather", x, indices);
    Tensor y = allocate(x.dtype(), x.dim(0), indices.dim(1), x.dim(2));
    backend.gatherRows(x, indices, y);
    tape.record(
        y,
        List.of(x),
        List.of(),
        dy -> {
          Tensor dx = like(x);
          backend.scatterRows(dy, indices, dx);
          tape.contribute(x, dx);
        });
    return y;
  }

  /**
   * {@return each region pooled from the map that fits it, {@code [R,bins,bins,C]}}
   *
   * @param spec bins, samples, scales
   * @param maps one {@code [N,H,W,C]} a scale
   * @param rois {@code [R,5]}: image, box; has no gradient
   */
  public Tensor roiAlign(RoiAlignSpec spec, List<Tensor> maps, Tensor rois) {
    require(maps.size() == spec.spatialScales().length, "RoIAlign", maps, spec);
    require(rois.shape().rank() == 2 && rois.dim(1) == 5, "RoIAlign", maps, rois);
    int bins = spec.outputSize();
    Tensor y = allocate(maps.getFirst().dtype(), rois.dim(0), bins, bins, maps.getFirst().dim(3));
    backend.roiAlign(spec, maps, rois, y);
    tape.record(
        y,
        maps,
        List.of(),
        dy -> {
          List<Tensor> gradients = maps.stream().map(this::like).toList();
          backend.roiAlignBackward(spec, dy, rois, gradients);
          for (int i = 0; i < maps.size(); i++) {
            tape.contribute(maps.get(i), gradients.get(i));
          }
        });
    return y;
  }

  /**
   * {@return the maxima of each region's bins, {@code [R,bins,bins,C]}, in the type of the map}
   *
   * @param spec bins, scale
   * @param map {@code [N,H,W,C]}
   * @param rois {@code [R,5]}: image, box; has no gradient
   */
  public Tensor roiPool(RoiPoolSpec spec, Tensor map, Tensor rois) {
    require(map.shape().rank() == 4, "RoIPool", map, spec);
    require(rois.shape().rank() == 2 && rois.dim(1) == 5, "RoIPool", map, rois);
    if (map.dtype() != DType.F32) { // a maximum is exact; its gradient is summed in fp32
      return cast(roiPool(spec, cast(map, DType.F32), rois), map.dtype());
    }
    Shape shape = Shape.of(rois.dim(0), spec.outputSize(), spec.outputSize(), map.dim(3));
    Tensor y = scope.allocate(DType.F32, shape);
    Tensor argmax = tape.tracks(map) ? scope.allocate(DType.I32, shape) : null;
    backend.roiPool(spec, map, rois, y, argmax);
    tape.record(
        y,
        List.of(map),
        List.of(),
        dy -> {
          Tensor dMap = like(map);
          backend.roiPoolBackward(spec, dy, rois, argmax, dMap);
          scope.release(argmax);
          tape.contribute(map, dMap);
        });
    return y;
  }

  private static boolean isLike(Tensor one, Tensor other) {
    return one.shape().equals(other.shape()) && one.dtype() == other.dtype();
  }

  static void require(boolean holds, String what, Object one, Object other) {
    if (!holds) {
      throw new IllegalArgumentException(what + ": " + one + " does not go with " + other);
    }
  }
}

package dev.cocoli.nn;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.primitives.Copies.Columns;
import dev.cocoli.backend.spec.Conv2dSpec;
import dev.cocoli.ops.DenseOps;
import dev.cocoli.ops.Ops;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Shape;
import dev.cocoli.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * Convolutions of one map as one convolution, so that the map is read once. In: {@code [N,H,W,I]};
 * out: {@code [N,H',W',O]}, the channels of one after those of another, then zeros up to a multiple
 * of 4, so that rows are whole accesses of memory. It has no parameters of its own: those of the
 * convolutions are copied when they were written. Nothing here has a gradient.
 */
public final class JoinedConv2d extends Module {
  private static final long CHANNEL_MULTIPLE = 4;

  /** A weight or bias, and its version when it was copied. */
  private record Source(Tensor values, long version) {
    static Source of(Parameter parameter) {
      return new Source(parameter.value(), parameter.value().buffer().version());
    }
  }

  private final List<Conv2d> parts;
  private final Conv2dSpec spec;
  private final Parameter weight;
  private final Parameter bias;
  private List<Source> copied = List.of();

  /**
   * Joins convolutions, which stay parts of the modules that they belong to.
   *
   * @param parts with biases, the same window and the same input
   */
  public JoinedConv2d(List<Conv2d> parts) {
    this.parts = List.copyOf(parts);
    Conv2d like = parts.getFirst();
    spec = like.spec();
    Shape window = like.weight().shape();
    long channels = 0;
    for (Conv2d part : parts) {
      if (!part.spec().equals(spec)
          || part.bias() == null
          || part.weight().shape().dim(3) != window.dim(3)) {
        throw new IllegalArgumentException(
            "convolutions of " + window + " and " + part.weight().shape() + " cannot be joined");
      }
      channels += part.weight().shape().dim(0);
    }
    long padded = Math.ceilDiv(channels, CHANNEL_MULTIPLE) * CHANNEL_MULTIPLE;
    weight = derived(Shape.of(padded, window.dim(1), window.dim(2), window.dim(3)));
    bias = derived(Shape.of(padded));
  }

  /**
   * {@return the outputs in fp32, whatever the input is in}
   *
   * @param ops the forward pass, which records nothing
   * @param x {@code [N,H,W,I]}
   */
  public Tensor predict(Ops ops, Tensor x) {
    if (ops.tape().isRecording()) {
      throw new IllegalArgumentException("joined convolutions have no gradient");
    }
    refresh(ops.backend());
    return new DenseOps(ops).conv2d(spec, x, weight.value(), null, bias.value(), null, DType.F32);
  }

  /** Threads that detect with one model at once share it: the first copies, the others wait. */
  private synchronized void refresh(Backend backend) {
    List<Source> now = new ArrayList<>();
    for (Conv2d part : parts) {
      now.add(Source.of(part.weight()));
      now.add(Source.of(part.bias()));
    }
    if (now.equals(copied)) {
      return;
    }
    List<Columns> copies = new ArrayList<>();
    long weights = 0;
    long biases = 0;
    for (Conv2d part : parts) {
      copies.add(copy(part.weight(), weight, weights));
      copies.add(copy(part.bias(), bias, biases));
      weights += part.weight().shape().elementCount();
      biases += part.bias().shape().elementCount();
    }
    backend.copies().copyColumns(copies);
    copied = now;
    if (now.stream().allMatch(source -> source.values.buffer().isSettled())) {
      weight.value().buffer().markSettled();
    }
  }

  private static Columns copy(Parameter from, Parameter to, long at) {
    Tensor source = from.value().reshape(1, from.shape().elementCount());
    Tensor target = to.value().reshape(1, to.shape().elementCount());
    return new Columns(source, 0, target, at, source.dim(1));
  }
}

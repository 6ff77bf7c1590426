package dev.cocoli.backend.cuda.cudnn;

import static dev.cocoli.bindings.cudnn.Cudnn.*;

import dev.cocoli.backend.cuda.cudnn.ConvolutionShape.Sums;
import dev.cocoli.backend.spec.Activation;
import dev.cocoli.tensor.DType;

/**
 * A convolution and what is fused after it, as cuDNN's operations on tensors that are known by
 * number. Sums are kept in fp32, whatever the tensors have.
 */
final class ConvolutionGraph implements AutoCloseable {
  /** The input, or the gradient by it. */
  static final long X = 1;

  /** The weights, or the gradient by them. */
  static final long WEIGHT = 2;

  /** The output, or the gradient by it. */
  static final long Y = 3;

  /** Like the result, added. */
  static final long RESIDUAL = 4;

  /** A value for each channel of the output, added. */
  static final long SHIFT = 5;

  /** The input, as the output of the activation before it: where a gradient by it passes. */
  static final long ACTIVATED = 6;

  /** What the norm read that wrote the input. */
  static final long NORMALIZED = 7;

  /** Its mean of each channel, in fp32; after a convolution, what is taken off each channel. */
  static final long MEAN = 8;

  /** What the norm multiplies each channel by before the scale, in fp32. */
  static final long INV_STD = 9;

  /** What it multiplies each channel by then, in fp32. */
  static final long SCALE = 10;

  /** What it adds to each channel, in fp32. */
  static final long BIAS = 11;

  /**
   * From this number on there are sums. The sum of the result, or of the result less the mean, for
   * each channel, in fp32.
   */
  static final long SUM = 12;

  /** The sum of products for each channel, in fp32: see {@link Sums}. */
  static final long PRODUCT = 13;

  private final ConvolutionShape shape;
  private final GraphOperations operations;
  private final CudnnDescriptor graph;

  /** Describes a convolution for a device. */
  ConvolutionGraph(ConvolutionShape shape, CudnnTarget target) {
    this.shape = shape;
    operations = new GraphOperations(shape);
    try {
      switch (shape.direction()) {
        case FORWARD -> forward();
        case BACKWARD_DATA -> backwardData();
        case BACKWARD_WEIGHT -> backwardWeight();
      }
      graph = operations.finish(target);
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  private CudnnDescriptor window() {
    return operations
        .create(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR())
        .dataType(CUDNN_ATTR_CONVOLUTION_COMP_TYPE(), DType.F32)
        .value(
            CUDNN_ATTR_CONVOLUTION_CONV_MODE(),
            CUDNN_TYPE_CONVOLUTION_MODE(),
            CUDNN_CROSS_CORRELATION())
        .longs(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS(), 2)
        .longs(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS(), shape.padding(), shape.padding())
        .longs(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS(), shape.padding(), shape.padding())
        .longs(CUDNN_ATTR_CONVOLUTION_DILATIONS(), shape.dilation(), shape.dilation())
        .longs(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES(), shape.stride(), shape.stride())
        .finish("the window of " + shape);
  }

  private CudnnDescriptor input(long number) {
    return operations.stored(number, shape.inputDims());
  }

  private CudnnDescriptor output(long number) {
    return operations.stored(number, shape.outputDims());
  }

  private CudnnDescriptor weight() {
    return operations.stored(WEIGHT, shape.weightDims());
  }

  private void forward() {
    ConvolutionShape.Tail tail = shape.tail();
    boolean relu = tail.activation() == Activation.RELU;
    int left = (tail.residual() ? 1 : 0) + (tail.shift() ? 1 : 0) + (relu ? 1 : 0);
    CudnnDescriptor value = outputOrPassed(left);
    operations.add(
        operations
            .create(CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR())
            .descriptors(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X(), input(X))
            .descriptors(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W(), weight())
            .descriptors(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y(), value)
            .descriptors(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC(), window())
            .floating(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA(), 1)
            .floating(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA(), 0));
    int add = CUDNN_POINTWISE_ADD();
    if (tail.residual()) {
      value = operations.combine(add, value, output(RESIDUAL), outputOrPassed(--left));
    }
    if (tail.shift()) {
      CudnnDescriptor shift = operations.stored(SHIFT, shape.outputChannelDims());
      value = operations.combine(add, value, shift, outputOrPassed(--left));
    }
    if (relu) {
      value = operations.relu(value, outputOrPassed(--left));
    }
    if (tail.sums() == Sums.MOMENTS) {
      long[] channels = shape.outputChannelDims();
      CudnnDescriptor centred = outputOrPassed(1);
      operations.combine(CUDNN_POINTWISE_SUB(), value, sums(MEAN, channels), centred);
      operations.reduce(centred, sums(SUM, channels));
      CudnnDescriptor square = outputOrPassed(1);
      operations.combine(CUDNN_POINTWISE_MUL(), centred, centred, square);
      operations.reduce(square, sums(PRODUCT, channels));
    }
  }

  /** What an operation writes: the result if none is left after it. */
  private CudnnDescriptor outputOrPassed(int left) {
    return left == 0 ? output(Y) : operations.passed(shape.outputDims());
  }

  private void backwardData() {
    ConvolutionShape.Tail tail = shape.tail();
    boolean masked = tail.activation() == Activation.RELU;
    boolean maskedByNorm = tail.sums() == Sums.MASKED_NORM;
    int left = (tail.residual() ? 1 : 0) + (masked || maskedByNorm ? 1 : 0);
    CudnnDescriptor value = inputOrPassed(left);
    operations.add(
        operations
            .create(CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR())
            .descriptors(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX(), value)
            .descriptors(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W(), weight())
            .descriptors(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY(), output(Y))
            .descriptors(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC(), window())
            .floating(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA(), 1)
            .floating(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA(), 0));
    if (tail.residual()) {
      CudnnDescriptor sum = inputOrPassed(--left);
      value = operations.combine(CUDNN_POINTWISE_ADD(), value, input(RESIDUAL), sum);
    }
    CudnnDescriptor centred = null;
    if (maskedByNorm || tail.sums() == Sums.NORM) {
      centred = combine(CUDNN_POINTWISE_SUB(), input(NORMALIZED), channels(MEAN));
    }
    if (masked) {
      value = operations.mask(value, input(ACTIVATED), inputOrPassed(--left));
    } else if (maskedByNorm) {
      CudnnDescriptor deviations = combine(CUDNN_POINTWISE_MUL(), centred, channels(INV_STD));
      CudnnDescriptor scaled = combine(CUDNN_POINTWISE_MUL(), deviations, channels(SCALE));
      CudnnDescriptor normalized = combine(CUDNN_POINTWISE_ADD(), scaled, channels(BIAS));
      value = operations.mask(value, normalized, inputOrPassed(--left));
    }
    if (tail.sums() != Sums.NONE) {
      operations.reduce(value, channels(SUM));
    }
    if (centred != null) {
      operations.reduce(combine(CUDNN_POINTWISE_MUL(), value, centred), channels(PRODUCT));
    }
  }

  private CudnnDescriptor combine(int mode, CudnnDescriptor a, CudnnDescriptor b) {
    return operations.combine(mode, a, b, operations.passed(shape.inputDims()));
  }

  /** A value in fp32 for each channel of the input. */
  private CudnnDescriptor channels(long number) {
    return sums(number, shape.inputChannelDims());
  }

  private CudnnDescriptor sums(long number, long[] channels) {
    return operations.stored(number, DType.F32, channels);
  }

  /** What an operation writes: the result if none is left after it that changes it. */
  private CudnnDescriptor inputOrPassed(int left) {
    return left == 0 ? input(X) : operations.passed(shape.inputDims());
  }

  private void backwardWeight() {
    operations.add(
        operations
            .create(CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR())
            .descriptors(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X(), input(X))
            .descriptors(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW(), weight())
            .descriptors(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY(), output(Y))
            .descriptors(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC(), window())
            .floating(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA(), 1)
            .floating(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA(), 0));
  }

  /** Returns the graph for what is built on it. */
  CudnnDescriptor descriptor() {
    return graph;
  }

  /** Returns what is computed. */
  ConvolutionShape shape() {
    return shape;
  }

  @Override
  public void close() {
    operations.close();
  }
}

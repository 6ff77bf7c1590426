package dev.cocoli.backend.cuda.cudnn;

import static dev.cocoli.bindings.cudnn.Cudnn.*;

import dev.cocoli.backend.Closing;
import dev.cocoli.backend.spec.Activation;
import dev.cocoli.tensor.DType;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

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

  /** What is passed on between operations and never stored: from this number on. */
  private static final long FIRST_VIRTUAL = 100;

  private final ConvolutionShape shape;
  private final Deque<CudnnDescriptor> owned = new ArrayDeque<>();
  private final List<CudnnDescriptor> operations = new ArrayList<>();
  private final CudnnDescriptor graph;

  /** Describes a convolution for a device. */
  ConvolutionGraph(ConvolutionShape shape, CudnnTarget target) {
    this.shape = shape;
    try {
      switch (shape.direction()) {
        case FORWARD -> forward();
        case BACKWARD_DATA -> backwardData();
        case BACKWARD_WEIGHT -> backwardWeight();
      }
      graph = create(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR());
      graph.descriptors(
          CUDNN_ATTR_OPERATIONGRAPH_OPS(), operations.toArray(CudnnDescriptor[]::new));
      target.tellGraph(graph);
      graph.finish("the graph of " + shape);
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  private CudnnDescriptor create(int type) {
    CudnnDescriptor descriptor = new CudnnDescriptor(type);
    owned.push(descriptor);
    return descriptor;
  }

  private CudnnDescriptor tensor(long number, long... dims) {
    return describe(number, shape.type(), dims)
        .longs(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT(), shape.alignmentBytes())
        .finish("tensor " + number + " of " + shape);
  }

  private CudnnDescriptor virtual(long number, long... dims) {
    return describe(number, DType.F32, dims)
        .longs(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT(), ConvolutionShape.WIDEST_BYTES)
        .flag(CUDNN_ATTR_TENSOR_IS_VIRTUAL())
        .finish("virtual tensor " + number + " of " + shape);
  }

  private CudnnDescriptor describe(long number, DType dtype, long... dims) {
    return create(CUDNN_BACKEND_TENSOR_DESCRIPTOR())
        .dataType(CUDNN_ATTR_TENSOR_DATA_TYPE(), dtype)
        .longs(CUDNN_ATTR_TENSOR_DIMENSIONS(), dims)
        .longs(CUDNN_ATTR_TENSOR_STRIDES(), ConvolutionShape.channelsLast(dims))
        .longs(CUDNN_ATTR_TENSOR_UNIQUE_ID(), number);
  }

  private CudnnDescriptor window() {
    return create(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR())
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

  private void forward() {
    ConvolutionShape.Tail tail = shape.tail();
    boolean relu = tail.activation() == Activation.RELU;
    int fused = (tail.residual() ? 1 : 0) + (tail.shift() ? 1 : 0) + (relu ? 1 : 0);
    CudnnDescriptor value = result(Y, shape.outputDims(), 0, fused);
    operations.add(
        create(CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR())
            .descriptors(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X(), tensor(X, shape.inputDims()))
            .descriptors(
                CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W(), tensor(WEIGHT, shape.weightDims()))
            .descriptors(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y(), value)
            .descriptors(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC(), window())
            .floating(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA(), 1)
            .floating(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA(), 0)
            .finish("the operation of " + shape));
    int done = 0;
    if (tail.residual()) {
      value =
          sum(
              value,
              tensor(RESIDUAL, shape.outputDims()),
              result(Y, shape.outputDims(), ++done, fused));
    }
    if (tail.shift()) {
      value =
          sum(
              value,
              tensor(SHIFT, shape.channelDims()),
              result(Y, shape.outputDims(), ++done, fused));
    }
    if (relu) {
      relu(value, result(Y, shape.outputDims(), ++done, fused));
    }
  }

  /**
   * The output tensor of the n-th operation after the convolution: the result if it is the last.
   */
  private CudnnDescriptor result(long number, long[] dims, int done, int all) {
    return done == all ? tensor(number, dims) : virtual(FIRST_VIRTUAL + done, dims);
  }

  private CudnnDescriptor sum(CudnnDescriptor a, CudnnDescriptor b, CudnnDescriptor y) {
    CudnnDescriptor add = pointwise(CUDNN_POINTWISE_ADD()).finish("an addition");
    operations.add(
        create(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR())
            .descriptors(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR(), add)
            .descriptors(CUDNN_ATTR_OPERATION_POINTWISE_XDESC(), a)
            .descriptors(CUDNN_ATTR_OPERATION_POINTWISE_BDESC(), b)
            .descriptors(CUDNN_ATTR_OPERATION_POINTWISE_YDESC(), y)
            .finish("an addition after " + shape));
    return y;
  }

  private void relu(CudnnDescriptor x, CudnnDescriptor y) {
    CudnnDescriptor relu =
        pointwise(CUDNN_POINTWISE_RELU_FWD())
            .value(
                CUDNN_ATTR_POINTWISE_NAN_PROPAGATION(),
                CUDNN_TYPE_NAN_PROPOGATION(),
                CUDNN_PROPAGATE_NAN())
            .finish("an activation");
    operations.add(
        create(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR())
            .descriptors(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR(), relu)
            .descriptors(CUDNN_ATTR_OPERATION_POINTWISE_XDESC(), x)
            .descriptors(CUDNN_ATTR_OPERATION_POINTWISE_YDESC(), y)
            .finish("the activation after " + shape));
  }

  private CudnnDescriptor pointwise(int mode) {
    return create(CUDNN_BACKEND_POINTWISE_DESCRIPTOR())
        .value(CUDNN_ATTR_POINTWISE_MODE(), CUDNN_TYPE_POINTWISE_MODE(), mode)
        .dataType(CUDNN_ATTR_POINTWISE_MATH_PREC(), DType.F32);
  }

  private void backwardData() {
    ConvolutionShape.Tail tail = shape.tail();
    boolean masked = tail.activation() == Activation.RELU;
    int fused = (tail.residual() ? 1 : 0) + (masked ? 1 : 0);
    CudnnDescriptor value = result(X, shape.inputDims(), 0, fused);
    operations.add(
        create(CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR())
            .descriptors(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX(), value)
            .descriptors(
                CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W(), tensor(WEIGHT, shape.weightDims()))
            .descriptors(
                CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY(), tensor(Y, shape.outputDims()))
            .descriptors(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC(), window())
            .floating(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA(), 1)
            .floating(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA(), 0)
            .finish("the operation of " + shape));
    int done = 0;
    if (tail.residual()) {
      CudnnDescriptor sum = result(X, shape.inputDims(), ++done, fused);
      value = sum(value, tensor(RESIDUAL, shape.inputDims()), sum);
    }
    if (masked) {
      mask(
          value, tensor(ACTIVATED, shape.inputDims()), result(X, shape.inputDims(), ++done, fused));
    }
  }

  /** Passes a gradient on where the output of a ReLU is positive. */
  private void mask(CudnnDescriptor dy, CudnnDescriptor y, CudnnDescriptor dx) {
    CudnnDescriptor relu =
        pointwise(CUDNN_POINTWISE_RELU_BWD()).finish("the gradient of an activation");
    operations.add(
        create(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR())
            .descriptors(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR(), relu)
            .descriptors(CUDNN_ATTR_OPERATION_POINTWISE_DYDESC(), dy)
            .descriptors(CUDNN_ATTR_OPERATION_POINTWISE_XDESC(), y)
            .descriptors(CUDNN_ATTR_OPERATION_POINTWISE_DXDESC(), dx)
            .finish("the mask after " + shape));
  }

  private void backwardWeight() {
    operations.add(
        create(CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR())
            .descriptors(
                CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X(), tensor(X, shape.inputDims()))
            .descriptors(
                CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW(),
                tensor(WEIGHT, shape.weightDims()))
            .descriptors(
                CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY(), tensor(Y, shape.outputDims()))
            .descriptors(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC(), window())
            .floating(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA(), 1)
            .floating(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA(), 0)
            .finish("the operation of " + shape));
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
    // the graph first, what it is made of last
    Closing.all(owned);
    owned.clear();
  }
}

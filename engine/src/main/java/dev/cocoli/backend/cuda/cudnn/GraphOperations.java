package dev.cocoli.backend.cuda.cudnn;

import static dev.cocoli.bindings.cudnn.Cudnn.*;

import dev.cocoli.backend.Closing;
import dev.cocoli.tensor.DType;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * The operations of a graph in their order, with the tensors between them, channels innermost. What
 * is passed on without being stored is in fp32, and everything is computed in it.
 */
final class GraphOperations implements AutoCloseable {
  /** What is passed on between operations and never stored: from this number on. */
  private static final long FIRST_VIRTUAL = 100;

  private final ConvolutionShape shape;
  private final Deque<CudnnDescriptor> owned = new ArrayDeque<>();
  private final List<CudnnDescriptor> operations = new ArrayList<>();
  private long virtual = FIRST_VIRTUAL;

  /**
   * Starts with none.
   *
   * @param shape of the convolution, which has the type and the alignment of what is stored
   */
  GraphOperations(ConvolutionShape shape) {
    this.shape = shape;
  }

  /** Makes a descriptor that lives as long as this. */
  CudnnDescriptor create(int type) {
    CudnnDescriptor descriptor = new CudnnDescriptor(type);
    owned.push(descriptor);
    return descriptor;
  }

  /** A tensor in memory, in the convolution's type. */
  CudnnDescriptor stored(long number, long... dims) {
    return stored(number, shape.type(), dims);
  }

  /** A tensor in memory. */
  CudnnDescriptor stored(long number, DType type, long... dims) {
    // a value for each channel may be wider than what all addresses have in common
    int alignment = Math.max(shape.alignmentBytes(), type.byteSize());
    return describe(number, type, dims)
        .longs(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT(), alignment)
        .finish("tensor " + number + " of " + shape);
  }

  /** A tensor that is passed on. */
  CudnnDescriptor passed(long... dims) {
    return describe(virtual++, DType.F32, dims)
        .longs(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT(), ConvolutionShape.WIDEST_BYTES)
        .flag(CUDNN_ATTR_TENSOR_IS_VIRTUAL())
        .finish("a virtual tensor of " + shape);
  }

  private CudnnDescriptor describe(long number, DType type, long... dims) {
    return create(CUDNN_BACKEND_TENSOR_DESCRIPTOR())
        .dataType(CUDNN_ATTR_TENSOR_DATA_TYPE(), type)
        .longs(CUDNN_ATTR_TENSOR_DIMENSIONS(), dims)
        .longs(CUDNN_ATTR_TENSOR_STRIDES(), ConvolutionShape.channelsLast(dims))
        .longs(CUDNN_ATTR_TENSOR_UNIQUE_ID(), number);
  }

  /** Adds an operation that has its attributes. */
  void add(CudnnDescriptor operation) {
    operations.add(operation.finish("an operation of " + shape));
  }

  /**
   * Adds an operation on two tensors.
   *
   * @param mode a {@code CUDNN_POINTWISE_...}
   * @param b like a, or a value for each channel
   * @return the result
   */
  CudnnDescriptor combine(int mode, CudnnDescriptor a, CudnnDescriptor b, CudnnDescriptor result) {
    add(pointwise(mode(mode), a, result).descriptors(CUDNN_ATTR_OPERATION_POINTWISE_BDESC(), b));
    return result;
  }

  private CudnnDescriptor pointwise(
      CudnnDescriptor mode, CudnnDescriptor x, CudnnDescriptor result) {
    return create(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR())
        .descriptors(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR(), mode.finish("a mode"))
        .descriptors(CUDNN_ATTR_OPERATION_POINTWISE_XDESC(), x)
        .descriptors(CUDNN_ATTR_OPERATION_POINTWISE_YDESC(), result);
  }

  private CudnnDescriptor mode(int mode) {
    return create(CUDNN_BACKEND_POINTWISE_DESCRIPTOR())
        .value(CUDNN_ATTR_POINTWISE_MODE(), CUDNN_TYPE_POINTWISE_MODE(), mode)
        .dataType(CUDNN_ATTR_POINTWISE_MATH_PREC(), DType.F32);
  }

  /** Adds a ReLU. */
  CudnnDescriptor relu(CudnnDescriptor x, CudnnDescriptor result) {
    CudnnDescriptor relu =
        mode(CUDNN_POINTWISE_RELU_FWD())
            .value(
                CUDNN_ATTR_POINTWISE_NAN_PROPAGATION(),
                CUDNN_TYPE_NAN_PROPOGATION(),
                CUDNN_PROPAGATE_NAN());
    add(pointwise(relu, x, result));
    return result;
  }

  /** Adds the gradient of a ReLU: it passes on where the output of the ReLU is positive. */
  CudnnDescriptor mask(CudnnDescriptor gradient, CudnnDescriptor output, CudnnDescriptor result) {
    CudnnDescriptor mode = mode(CUDNN_POINTWISE_RELU_BWD()).finish("an activation's gradient");
    add(
        create(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR())
            .descriptors(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR(), mode)
            .descriptors(CUDNN_ATTR_OPERATION_POINTWISE_DYDESC(), gradient)
            .descriptors(CUDNN_ATTR_OPERATION_POINTWISE_XDESC(), output)
            .descriptors(CUDNN_ATTR_OPERATION_POINTWISE_DXDESC(), result));
    return result;
  }

  /** Adds the sum along the axes of which the result has one element. */
  void reduce(CudnnDescriptor x, CudnnDescriptor result) {
    CudnnDescriptor sum =
        create(CUDNN_BACKEND_REDUCTION_DESCRIPTOR())
            .value(
                CUDNN_ATTR_REDUCTION_OPERATOR(),
                CUDNN_TYPE_REDUCTION_OPERATOR_TYPE(),
                CUDNN_REDUCE_TENSOR_ADD())
            .dataType(CUDNN_ATTR_REDUCTION_COMP_TYPE(), DType.F32)
            .finish("a sum");
    add(
        create(CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR())
            .descriptors(CUDNN_ATTR_OPERATION_REDUCTION_DESC(), sum)
            .descriptors(CUDNN_ATTR_OPERATION_REDUCTION_XDESC(), x)
            .descriptors(CUDNN_ATTR_OPERATION_REDUCTION_YDESC(), result));
  }

  /** Returns the graph of all operations. */
  CudnnDescriptor finish(CudnnTarget target) {
    CudnnDescriptor graph = create(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR());
    graph.descriptors(CUDNN_ATTR_OPERATIONGRAPH_OPS(), operations.toArray(CudnnDescriptor[]::new));
    target.tellGraph(graph);
    return graph.finish("the graph of " + shape);
  }

  @Override
  public void close() {
    // the graph first, what it is made of last
    Closing.all(owned);
    owned.clear();
  }
}

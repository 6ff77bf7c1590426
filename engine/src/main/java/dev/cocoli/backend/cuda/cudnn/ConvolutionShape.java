package dev.cocoli.backend.cuda.cudnn;

import dev.cocoli.backend.spec.Activation;
import dev.cocoli.backend.spec.Conv2dSpec;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;

/**
 * All that a plan of a convolution depends on. All its tensors have one type of element.
 *
 * @param direction what is computed
 * @param type of the elements
 * @param kernel extent of the window
 * @param stride step of the window
 * @param padding zeros on every side
 * @param dilation distance between taps
 * @param images N
 * @param height H
 * @param width W
 * @param in channels of the input
 * @param outHeight H'
 * @param outWidth W'
 * @param out channels of the output
 * @param tail what is fused after a forward convolution or a gradient by the input
 * @param alignmentBytes what divides the address of every tensor
 */
record ConvolutionShape(
    Direction direction,
    DType type,
    int kernel,
    int stride,
    int padding,
    int dilation,
    long images,
    long height,
    long width,
    long in,
    long outHeight,
    long outWidth,
    long out,
    Tail tail,
    int alignmentBytes) {

  /** What is computed. */
  enum Direction {
    /** The output. */
    FORWARD,
    /** The gradient by the input. */
    BACKWARD_DATA,
    /** The gradient by the weights. */
    BACKWARD_WEIGHT
  }

  /**
   * What follows the sum of products, in this order: a residual, a shift of each channel, an
   * activation. cuDNN has ready kernels for this chain, and for no shorter one without the shift. A
   * gradient by the input is followed by a residual, the gradient of an activation, and sums.
   *
   * @param shift whether there is one
   * @param residual whether there is one
   * @param activation applied last; after a gradient, its mask
   * @param sums of the result
   */
  record Tail(boolean shift, boolean residual, Activation activation, Sums sums) {
    static final Tail NONE = new Tail(false, false, Activation.NONE);

    /** A tail without sums. */
    Tail(boolean shift, boolean residual, Activation activation) {
      this(shift, residual, activation, Sums.NONE);
    }

    /** Returns the tail that does what is asked, with a shift of 0 where none is. */
    static Tail of(Tensor shift, Tensor residual, Activation activation) {
      boolean any = shift != null || residual != null || activation != Activation.NONE;
      return any ? new Tail(true, residual != null, activation) : NONE;
    }
  }

  /** What is summed of the result, for each of its channels. */
  enum Sums {
    /** Nothing. */
    NONE,
    /** A gradient by the input, for a bias. */
    BIAS,
    /** A gradient by the input, and its products with what a norm read less the mean. */
    NORM,
    /** The same, masked by the ReLU after the norm, whose output is computed again. */
    MASKED_NORM,
    /** The output less a centre, and the squares of that. */
    MOMENTS
  }

  /** What most kernels of cuDNN want to load at a time. */
  static final int WIDEST_BYTES = 16;

  static ConvolutionShape of(
      Direction direction, Conv2dSpec spec, Tensor x, Tensor y, Tail tail, int alignmentBytes) {
    return new ConvolutionShape(
        direction,
        x.dtype(),
        spec.kernel(),
        spec.stride(),
        spec.padding(),
        spec.dilation(),
        x.dim(0),
        x.dim(1),
        x.dim(2),
        x.dim(3),
        y.dim(1),
        y.dim(2),
        y.dim(3),
        tail,
        alignmentBytes);
  }

  /** Returns whether each output pixel is a product of the input pixel in the same place. */
  static boolean isPointwise(Conv2dSpec spec) {
    return isPoint(spec) && spec.stride() == 1;
  }

  /** Returns whether a pixel of the output depends on one of the input. */
  static boolean isPoint(Conv2dSpec spec) {
    return spec.kernel() == 1 && spec.padding() == 0;
  }

  /** Returns N, C, H, W of the input: cuDNN's order, whatever the layout. */
  long[] inputDims() {
    return new long[] {images, in, height, width};
  }

  /** Returns N, C, H, W of the output. */
  long[] outputDims() {
    return new long[] {images, out, outHeight, outWidth};
  }

  /** Returns O, I, kH, kW. */
  long[] weightDims() {
    return new long[] {out, in, kernel, kernel};
  }

  /** Returns the dims of a value for each input channel. */
  long[] inputChannelDims() {
    return new long[] {1, in, 1, 1};
  }

  /** Returns the dims of a value for each output channel. */
  long[] outputChannelDims() {
    return new long[] {1, out, 1, 1};
  }

  /** Returns the strides of dims N, C, H, W where the channels lie innermost. */
  static long[] channelsLast(long... dims) {
    return new long[] {dims[1] * dims[2] * dims[3], 1, dims[1] * dims[3], dims[1]};
  }
}

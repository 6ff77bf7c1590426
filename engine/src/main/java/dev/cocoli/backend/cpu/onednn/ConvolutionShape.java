package dev.cocoli.backend.cpu.onednn;

import static dev.cocoli.bindings.onednn.Dnnl.*;

import dev.cocoli.backend.spec.Activation;
import dev.cocoli.backend.spec.Conv2dSpec;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/**
 * All types and extents that a convolution's primitives depend on.
 *
 * @param type elements of the input, and of the weights that the primitives read
 * @param outType elements of the output
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
 */
record ConvolutionShape(
    DType type,
    DType outType,
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
    long out) {

  static ConvolutionShape of(Conv2dSpec spec, Tensor x, Tensor y) {
    return new ConvolutionShape(
        x.dtype(),
        y.dtype(),
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
        y.dim(3));
  }

  /** {@return the pixels of the output} */
  long outPixels() {
    return images * outHeight * outWidth;
  }

  /** {@return the floats that a window sees} */
  long windowElements() {
    return (long) kernel * kernel * in;
  }

  /** {@return whether each output pixel is a product of one input pixel in the same place} */
  boolean isPointwise() {
    return kernel == 1 && stride == 1 && padding == 0;
  }

  MemorySegment input(Descriptors descriptors, int tag) {
    return descriptors.memory(type, tag, images, in, height, width);
  }

  MemorySegment output(Descriptors descriptors, int tag) {
    return descriptors.memory(outType, tag, images, out, outHeight, outWidth);
  }

  /** {@return the weights as the primitives read them, in a layout of their choice} */
  MemorySegment weight(Descriptors descriptors) {
    return descriptors.memory(type, dnnl_format_tag_any(), out, in, kernel, kernel);
  }

  /** {@return the weights' gradient, in a layout of the primitive's choice} */
  MemorySegment weightGradient(Descriptors descriptors) {
    return descriptors.memory(DType.F32, dnnl_format_tag_any(), out, in, kernel, kernel);
  }

  /** {@return the weights, or their gradient, as tensors hold them} */
  MemorySegment plainWeight(Descriptors descriptors) {
    return descriptors.memory(DType.F32, dnnl_ohwi(), out, in, kernel, kernel);
  }

  MemorySegment strides(Descriptors descriptors) {
    return descriptors.longs(stride, stride);
  }

  MemorySegment dilations(Descriptors descriptors) {
    // oneDNN counts the gaps between taps
    return descriptors.longs(dilation - 1, dilation - 1);
  }

  MemorySegment paddings(Descriptors descriptors) {
    return descriptors.longs(padding, padding);
  }

  /**
   * {@return a descriptor of the forward primitive without anything fused, which oneDNN asks for
   * when it describes a backward one}
   *
   * @param context engine and stream
   * @param descriptors frees it
   * @param activationTag layout of input and output
   */
  MemorySegment forwardHint(OneDnnContext context, Descriptors descriptors, int activationTag) {
    OneDnnContext.check(
        "dnnl_convolution_forward_primitive_desc_create",
        dnnl_convolution_forward_primitive_desc_create(
            context.out(),
            context.engine(),
            dnnl_forward_training(),
            dnnl_convolution_direct(),
            input(descriptors, activationTag),
            weight(descriptors),
            MemorySegment.NULL,
            output(descriptors, activationTag),
            strides(descriptors),
            dilations(descriptors),
            paddings(descriptors),
            paddings(descriptors),
            descriptors.attributes()));
    return descriptors.hint(context.result());
  }

  /** {@return whether there is nothing to compute} */
  boolean isEmpty() {
    return outPixels() == 0 || out == 0 || in == 0;
  }

  /** What follows the sum of products. */
  record Tail(boolean shift, Residual residual, Activation activation) {}

  /** How a residual gets in. */
  enum Residual {
    /** There is none. */
    NONE,
    /** It is read from its own tensor. */
    SEPARATE,
    /** It lies where the output goes. */
    IN_PLACE
  }
}

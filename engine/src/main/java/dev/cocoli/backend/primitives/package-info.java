/**
 * The primitives, by facet. Whoever implements a facet writes into tensors that the caller has
 * allocated and whose shapes were validated, and marks each one that it writes.
 *
 * <p>Activations are {@code [N,H,W,C]}, convolution weights {@code [O,kH,kW,I]}, boxes {@code (x1,
 * y1, x2, y2)} in pixels. Unless said otherwise elements are F32, labels and indices I32, and a
 * parameter that may be {@code null} is named as such. Gradients of parameters are added to what
 * the tensor holds; all else is overwritten.
 *
 * <p>Where {@link dev.cocoli.backend.Backend#require} allows it, the activations of convolutions,
 * dense layers, norms and maps and of RoIAlign, and their gradients, may be BF16: all of a call are
 * then, but the result of a convolution or a dense layer, which may be F32. Sums are kept in F32
 * and rounded once, to the nearest, ties to even. Parameters, statistics and their gradients are
 * F32 throughout; but as in torch's autocast, a shift or bias may be rounded to BF16 before it is
 * added to a BF16 result, and the gradient of a convolution's weights before it is added to what
 * their tensor holds.
 */
package dev.cocoli.backend.primitives;

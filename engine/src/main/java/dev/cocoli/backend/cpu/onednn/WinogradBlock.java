package dev.cocoli.backend.cpu.onednn;

import static dev.cocoli.backend.cpu.onednn.WinogradMatrices.OUT;
import static dev.cocoli.backend.cpu.onednn.WinogradMatrices.PRODUCTS;
import static dev.cocoli.bindings.onednn.Dnnl.*;

import dev.cocoli.backend.Closing;
import dev.cocoli.backend.spec.Activation;
import java.lang.foreign.MemorySegment;

/**
 * Computes blocks of T tiles of a convolution on one thread: gathers their pixels {@code [T,36,C]},
 * transforms them to {@code [36,T,C]}, multiplies them by weights {@code [36,C,K]}, transforms the
 * products {@code [36,T,K]} to outputs {@code [T,16,K]} and scatters these. The three products are
 * oneDNN primitives for a single thread; each thread has its own, because they hold its arguments.
 */
final class WinogradBlock implements AutoCloseable {
  private static final int OUTPUTS = OUT * OUT;

  /** Bytes of a cache line, which the memory of each thread begins with. */
  private static final long ALIGNMENT = 64;

  /**
   * All that the primitives depend on.
   *
   * @param tiles T
   * @param in C
   * @param out K
   * @param shift whether one is added
   * @param residual whether one is added
   * @param activation applied last
   */
  record Key(int tiles, long in, long out, boolean shift, boolean residual, Activation activation) {

    /** {@return the floats of the larger of pixels and products} */
    private long outer() {
      return PRODUCTS * tiles * Math.max(in, out);
    }

    /** {@return the floats of the larger of transformed pixels and outputs with their residual} */
    private long inner() {
      return tiles * Math.max(PRODUCTS * in, 2 * OUTPUTS * out);
    }
  }

  /**
   * The operands of a call.
   *
   * @param tiles of the maps
   * @param x input
   * @param weights transformed
   * @param shift {@code [K]}, or null
   * @param residual like the output, or null; it may be the output's memory
   * @param y output
   */
  record Operands(
      WinogradTiles tiles,
      MemorySegment x,
      MemorySegment weights,
      MemorySegment shift,
      MemorySegment residual,
      MemorySegment y) {}

  private final Key key;
  private final MemorySegment inputMatrix;
  private final MemorySegment outputMatrix;
  private final OneDnnPrimitive transformInput;
  private final OneDnnPrimitive multiply;
  private final OneDnnPrimitive transformOutput;

  /**
   * Describes the primitives; OpenMP's team is of one thread meanwhile.
   *
   * @param context engine and stream
   * @param key what they depend on
   * @param inputMatrix {@code [36,36]}
   * @param outputMatrix {@code [16,36]}
   */
  WinogradBlock(
      OneDnnContext context, Key key, MemorySegment inputMatrix, MemorySegment outputMatrix) {
    this.key = key;
    this.inputMatrix = inputMatrix;
    this.outputMatrix = outputMatrix;
    long tiles = key.tiles;
    try (Descriptors descriptors = new Descriptors(context)) {
      transformInput =
          descriptors.matmul(
              descriptors.memory(dnnl_abc(), 1, PRODUCTS, PRODUCTS),
              descriptors.memory(dnnl_abc(), tiles, PRODUCTS, key.in),
              descriptors.memory(dnnl_bac(), tiles, PRODUCTS, key.in),
              descriptors.attributes());
      multiply =
          descriptors.matmul(
              descriptors.memory(dnnl_abc(), PRODUCTS, tiles, key.in),
              descriptors.memory(dnnl_abc(), PRODUCTS, key.in, key.out),
              descriptors.memory(dnnl_abc(), PRODUCTS, tiles, key.out),
              descriptors.attributes());
      transformOutput = describeOutput(descriptors);
      descriptors.keep();
    }
  }

  private OneDnnPrimitive describeOutput(Descriptors descriptors) {
    MemorySegment outputs = descriptors.memory(dnnl_abc(), key.tiles, OUTPUTS, key.out);
    MemorySegment attributes = descriptors.attributes();
    MemorySegment operations = descriptors.postOperations();
    int[] arguments = new int[3 + (key.shift ? 1 : 0) + (key.residual ? 1 : 0)];
    arguments[0] = DNNL_ARG_SRC();
    arguments[1] = DNNL_ARG_WEIGHTS();
    arguments[2] = DNNL_ARG_DST();
    if (key.shift) {
      arguments[3] = DNNL_ARG_BIAS();
    }
    if (key.residual) {
      descriptors.append(operations, dnnl_binary_add(), outputs);
      arguments[arguments.length - 1] = DNNL_ARG_ATTR_MULTIPLE_POST_OP_BASE() | DNNL_ARG_SRC_1();
    }
    if (key.activation == Activation.RELU) {
      descriptors.appendRelu(operations);
    }
    descriptors.setPostOperations(attributes, operations);
    return descriptors.matmul(
        descriptors.memory(dnnl_abc(), 1, OUTPUTS, PRODUCTS),
        descriptors.memory(dnnl_bac(), key.tiles, PRODUCTS, key.out),
        key.shift ? descriptors.memory(dnnl_abc(), 1, 1, key.out) : MemorySegment.NULL,
        outputs,
        attributes,
        arguments);
  }

  /** {@return the bytes of memory that {@link #compute} needs} */
  long roomBytes() {
    long scratch =
        Math.max(
            multiply.scratchBytes(),
            Math.max(transformInput.scratchBytes(), transformOutput.scratchBytes()));
    return (key.outer() + key.inner()) * Float.BYTES
        + (scratch + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  }

  /**
   * Computes a block.
   *
   * @param operands the convolution's
   * @param first the first tile
   * @param room for this thread
   */
  void compute(Operands operands, long first, MemorySegment room) {
    WinogradTiles tiles = operands.tiles;
    long count = Math.min(key.tiles, tiles.count() - first);
    long outerBytes = key.outer() * Float.BYTES;
    long innerBytes = key.inner() * Float.BYTES;
    MemorySegment outer = room.asSlice(0, outerBytes);
    MemorySegment inner = room.asSlice(outerBytes, innerBytes);
    final MemorySegment scratch = room.asSlice(outerBytes + innerBytes);
    tiles.gather(operands.x, key.in, 1, first, count, outer);
    long tileBytes = PRODUCTS * key.in * Float.BYTES;
    outer.asSlice(count * tileBytes, (key.tiles - count) * tileBytes).fill((byte) 0);
    transformInput.executeWith(scratch, inputMatrix, outer, inner);
    multiply.executeWith(scratch, inner, operands.weights, outer);
    MemorySegment residual = inner.asSlice(key.tiles * OUTPUTS * key.out * Float.BYTES);
    if (key.residual) {
      tiles.gather(operands.residual, key.out, 0, first, count, residual);
    }
    if (key.shift && key.residual) {
      transformOutput.executeWith(scratch, outputMatrix, outer, inner, operands.shift, residual);
    } else if (key.shift) {
      transformOutput.executeWith(scratch, outputMatrix, outer, inner, operands.shift);
    } else if (key.residual) {
      transformOutput.executeWith(scratch, outputMatrix, outer, inner, residual);
    } else {
      transformOutput.executeWith(scratch, outputMatrix, outer, inner);
    }
    tiles.scatter(inner, key.out, first, count, operands.y);
  }

  @Override
  public void close() {
    Closing.all(transformInput, multiply, transformOutput);
  }
}

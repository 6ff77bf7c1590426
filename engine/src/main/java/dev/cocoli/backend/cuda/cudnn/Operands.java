package dev.cocoli.backend.cuda.cudnn;

import java.lang.foreign.MemorySegment;

/**
 * Where the tensors of a {@link ConvolutionGraph} lie.
 *
 * @param x input or gradient by it
 * @param weight weights or gradient by them
 * @param y output or gradient by it
 * @param residual null if the graph has none
 * @param shift null if the graph has none
 */
record Operands(
    MemorySegment x,
    MemorySegment weight,
    MemorySegment y,
    MemorySegment residual,
    MemorySegment shift) {

  /** Returns the numbers that the graph gives to those that are there. */
  long[] numbers() {
    long[] numbers = new long[count()];
    int i = 0;
    numbers[i++] = ConvolutionGraph.X;
    numbers[i++] = ConvolutionGraph.WEIGHT;
    numbers[i++] = ConvolutionGraph.Y;
    if (residual != null) {
      numbers[i++] = ConvolutionGraph.RESIDUAL;
    }
    if (shift != null) {
      numbers[i] = ConvolutionGraph.SHIFT;
    }
    return numbers;
  }

  /** Returns the addresses in the order of {@link #numbers}. */
  MemorySegment[] memory() {
    MemorySegment[] memory = new MemorySegment[count()];
    int i = 0;
    memory[i++] = x;
    memory[i++] = weight;
    memory[i++] = y;
    if (residual != null) {
      memory[i++] = residual;
    }
    if (shift != null) {
      memory[i] = shift;
    }
    return memory;
  }

  private int count() {
    return 3 + (residual == null ? 0 : 1) + (shift == null ? 0 : 1);
  }
}

package dev.cocoli.backend.cuda.cudnn;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Where the tensors of a {@link ConvolutionGraph} lie.
 *
 * @param x input or gradient by it
 * @param weight weights or gradient by them
 * @param y output or gradient by it
 * @param residual null if the graph has none
 * @param shift null if the graph has none
 * @param activated null if the graph has none
 */
record Operands(
    MemorySegment x,
    MemorySegment weight,
    MemorySegment y,
    MemorySegment residual,
    MemorySegment shift,
    MemorySegment activated) {

  /** Those of a convolution after which nothing is fused. */
  static Operands of(MemorySegment x, MemorySegment weight, MemorySegment y) {
    return new Operands(x, weight, y, null, null, null);
  }

  private record Numbered(long number, MemorySegment memory) {}

  private List<Numbered> present() {
    List<Numbered> present = new ArrayList<>();
    present.add(new Numbered(ConvolutionGraph.X, x));
    present.add(new Numbered(ConvolutionGraph.WEIGHT, weight));
    present.add(new Numbered(ConvolutionGraph.Y, y));
    present.add(new Numbered(ConvolutionGraph.RESIDUAL, residual));
    present.add(new Numbered(ConvolutionGraph.SHIFT, shift));
    present.add(new Numbered(ConvolutionGraph.ACTIVATED, activated));
    present.removeIf(each -> each.memory == null);
    return present;
  }

  /** Returns the numbers that the graph gives to those that are there. */
  long[] numbers() {
    return present().stream().mapToLong(Numbered::number).toArray();
  }

  /** Returns the addresses in the order of {@link #numbers}. */
  MemorySegment[] memory() {
    return present().stream().map(Numbered::memory).toArray(MemorySegment[]::new);
  }
}

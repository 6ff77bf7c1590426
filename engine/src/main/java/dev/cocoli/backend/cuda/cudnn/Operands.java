package dev.cocoli.backend.cuda.cudnn;

import dev.cocoli.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** Where the tensors of a {@link ConvolutionGraph} lie, by the numbers that it gives them. */
final class Operands {
  private final List<Long> numbers = new ArrayList<>();
  private final List<MemorySegment> memory = new ArrayList<>();

  /**
   * Those of a convolution after which nothing is fused.
   *
   * @param x input or gradient by it
   * @param weight weights or gradient by them
   * @param y output or gradient by it
   */
  static Operands of(Tensor x, Tensor weight, Tensor y) {
    return new Operands()
        .with(ConvolutionGraph.X, x)
        .with(ConvolutionGraph.WEIGHT, weight)
        .with(ConvolutionGraph.Y, y);
  }

  /** Adds a tensor; null if the graph has none of that number. */
  Operands with(long number, Tensor tensor) {
    return tensor == null ? this : with(number, tensor.segment());
  }

  /** Adds a tensor's memory. */
  Operands with(long number, MemorySegment segment) {
    numbers.add(number);
    memory.add(segment);
    return this;
  }

  /** Returns the largest power of two, 16 at most, that divides all addresses. */
  int alignment() {
    long joint = ConvolutionShape.WIDEST_BYTES;
    for (MemorySegment segment : memory) {
      joint |= segment.address();
    }
    return (int) Long.lowestOneBit(joint);
  }

  /** Returns the memory of sums. */
  List<MemorySegment> sums() {
    return IntStream.range(0, numbers.size())
        .filter(i -> numbers.get(i) >= ConvolutionGraph.SUM)
        .mapToObj(memory::get)
        .toList();
  }

  /** Returns the numbers. */
  long[] numbers() {
    return numbers.stream().mapToLong(Long::longValue).toArray();
  }

  /** Returns the addresses in the order of {@link #numbers}. */
  MemorySegment[] memory() {
    return memory.toArray(MemorySegment[]::new);
  }
}

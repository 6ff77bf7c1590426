package dev.cocoli.backend;

import dev.cocoli.backend.primitives.Transfers;
import dev.cocoli.tensor.Buffer;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Shape;
import dev.cocoli.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.function.LongFunction;
import java.util.function.Supplier;

/**
 * Tensors that follow from shapes alone, such as the anchors of an image size, kept on the device:
 * computing and uploading them again would cost more than much of a detection. The ones that were
 * not used for longest give way. They are read only.
 */
public final class Constants implements AutoCloseable {
  /**
   * Several sizes of images, each with a handful of tensors. One forward pass uses fewer, so that
   * none gives way while it is in use.
   */
  private static final int CAPACITY = 32;

  private final Transfers transfers;
  private final LongFunction<Buffer> allocator;
  private final PlanCache<Object, Constant> kept = new PlanCache<>(CAPACITY);

  private record Constant(Tensor tensor) implements AutoCloseable {
    @Override
    public void close() {
      tensor.buffer().close();
    }
  }

  /**
   * Makes an empty cache.
   *
   * @param transfers uploads them
   * @param allocator memory that is not known to hold weights
   */
  public Constants(Transfers transfers, LongFunction<Buffer> allocator) {
    this.transfers = transfers;
    this.allocator = allocator;
  }

  /**
   * {@return F32 values on the device}
   *
   * @param key a record of all that the values depend on
   * @param values computes them, row-major, if they are not kept
   * @param dims the extents
   */
  public Tensor floats(Object key, Supplier<float[]> values, long... dims) {
    return get(key, () -> MemorySegment.ofArray(values.get()), DType.F32, dims);
  }

  /**
   * {@return I32 values on the device}
   *
   * @param key a record of all that the values depend on
   * @param values computes them, row-major, if they are not kept
   * @param dims the extents
   */
  public Tensor ints(Object key, Supplier<int[]> values, long... dims) {
    return get(key, () -> MemorySegment.ofArray(values.get()), DType.I32, dims);
  }

  private Tensor get(Object key, Supplier<MemorySegment> values, DType type, long... dims) {
    return kept.get(key, unused -> upload(values.get(), type, Shape.of(dims))).tensor();
  }

  private Constant upload(MemorySegment values, DType type, Shape shape) {
    Buffer memory = allocator.apply(values.byteSize());
    try {
      Tensor tensor = new Tensor(memory, 0, shape, type);
      transfers.upload(values, tensor);
      return new Constant(tensor);
    } catch (RuntimeException e) {
      memory.close();
      throw e;
    }
  }

  @Override
  public void close() {
    kept.close();
  }
}

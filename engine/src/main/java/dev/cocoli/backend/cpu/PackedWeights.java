package dev.cocoli.backend.cpu;

import dev.cocoli.tensor.Buffer;
import dev.cocoli.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.LongFunction;

/**
 * Weights in the layouts that primitives want, with the scale of their channels multiplied in: in a
 * frozen network the scale then costs nothing. A copy is renewed when the version of the weight's
 * or the scale's buffer has moved. Only weights in buffers of {@link CpuBackend#allocate} are kept;
 * they go when the buffer closes. Others are packed anew at each use.
 */
final class PackedWeights implements AutoCloseable {
  /** More than the weights of two detectors, forward and backward. */
  private static final int CAPACITY = 1024;

  private record Key(
      Buffer weight, long weightOffset, Buffer scale, long scaleOffset, WeightLayout layout) {
    @Override
    public boolean equals(Object other) {
      return other instanceof Key that
          && weight == that.weight
          && weightOffset == that.weightOffset
          && scale == that.scale
          && scaleOffset == that.scaleOffset
          && layout == that.layout;
    }

    @Override
    public int hashCode() {
      int hash = 31 * System.identityHashCode(weight) + Long.hashCode(weightOffset);
      return 31 * hash + System.identityHashCode(layout);
    }
  }

  private static final class Copy {
    final Buffer memory;
    long weightVersion;
    long scaleVersion;

    Copy(Buffer memory) {
      this.memory = memory;
    }
  }

  /**
   * Weights for one call; closing it ends the call.
   *
   * @param segment the packed weights
   * @param temporary what goes back to the pool, or null
   */
  record Lease(MemorySegment segment, Buffer temporary) implements AutoCloseable {
    @Override
    public void close() {
      if (temporary != null) {
        temporary.close();
      }
    }
  }

  private final OneDnnContext context;
  private final ElementwiseLoops loops;
  private final LongFunction<Buffer> allocator;
  private final Set<Buffer> persistent = Collections.newSetFromMap(new IdentityHashMap<>());
  private final Map<Key, Copy> copies = new LinkedHashMap<>(64, 0.75f, true);

  /**
   * Makes an empty cache.
   *
   * @param context where temporary copies come from
   * @param loops multiplies the scale in
   * @param allocator where kept copies come from
   */
  PackedWeights(OneDnnContext context, ElementwiseLoops loops, LongFunction<Buffer> allocator) {
    this.context = context;
    this.loops = loops;
    this.allocator = allocator;
  }

  /**
   * Says that a buffer lives long and marks what is written to it.
   *
   * @param buffer the buffer
   */
  void remember(Buffer buffer) {
    persistent.add(buffer);
  }

  /**
   * Drops the copies of what lies in a buffer.
   *
   * @param buffer the buffer, which closes
   */
  void forget(Buffer buffer) {
    persistent.remove(buffer);
    for (Iterator<Map.Entry<Key, Copy>> it = copies.entrySet().iterator(); it.hasNext(); ) {
      Map.Entry<Key, Copy> entry = it.next();
      if (entry.getKey().weight == buffer || entry.getKey().scale == buffer) {
        it.remove();
        entry.getValue().memory.close();
      }
    }
  }

  /**
   * {@return weights in a layout}
   *
   * @param weight the plain weights {@code [O, ...]}
   * @param scale {@code [O]}, or null
   * @param layout the layout
   */
  Lease take(Tensor weight, Tensor scale, WeightLayout layout) {
    if (scale == null && layout.isPlain()) {
      return new Lease(weight.segment(), null);
    }
    if (!persistent.contains(weight.buffer())
        || scale != null && !persistent.contains(scale.buffer())) {
      Buffer temporary = context.pool().take(layout.byteSize());
      write(weight, scale, layout, temporary.segment());
      return new Lease(temporary.segment(), temporary);
    }
    Buffer scaleBuffer = scale == null ? null : scale.buffer();
    Key key =
        new Key(
            weight.buffer(),
            weight.byteOffset(),
            scaleBuffer,
            scale == null ? 0 : scale.byteOffset(),
            layout);
    Copy copy = copies.get(key);
    long scaleVersion = scaleBuffer == null ? 0 : scaleBuffer.version();
    if (copy == null) {
      copy = new Copy(allocator.apply(layout.byteSize()));
      copy.weightVersion = weight.buffer().version() - 1;
      copies.put(key, copy);
      evict();
    }
    if (copy.weightVersion != weight.buffer().version() || copy.scaleVersion != scaleVersion) {
      write(weight, scale, layout, copy.memory.segment());
      copy.weightVersion = weight.buffer().version();
      copy.scaleVersion = scaleVersion;
    }
    return new Lease(copy.memory.segment(), null);
  }

  private void evict() {
    if (copies.size() > CAPACITY) {
      Iterator<Copy> eldest = copies.values().iterator();
      Copy victim = eldest.next();
      eldest.remove();
      victim.memory.close();
    }
  }

  private void write(Tensor weight, Tensor scale, WeightLayout layout, MemorySegment to) {
    if (scale == null) {
      layout.pack(weight.segment(), to);
    } else if (layout.isPlain()) {
      loops.scaleRows(weight.segment(), scale, to);
    } else {
      try (Buffer scaled = context.pool().take(weight.byteSize())) {
        loops.scaleRows(weight.segment(), scale, scaled.segment());
        layout.pack(scaled.segment(), to);
      }
    }
  }

  /** {@return how many copies are kept} */
  int size() {
    return copies.size();
  }

  @Override
  public void close() {
    copies.values().forEach(copy -> copy.memory.close());
    copies.clear();
    persistent.clear();
  }
}

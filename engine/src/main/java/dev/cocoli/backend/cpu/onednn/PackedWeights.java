package dev.cocoli.backend.cpu.onednn;

import dev.cocoli.backend.cpu.CpuBackend;
import dev.cocoli.backend.cpu.loops.ElementwiseLoops;
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
 * Weights in the forms that primitives want, with the scale of their channels multiplied in: in a
 * frozen network the scale then costs nothing. A copy is kept from the second use of the same
 * values on, and dropped when the version of the weight's or the scale's buffer has moved: so a
 * network that detects packs no weight more than twice, and one that is trained, where a step uses
 * most of them once each way, does not hold copies that are stale before they are used again. Only
 * weights in buffers of {@link CpuBackend#allocate} are kept; they go when the buffer closes.
 * Others are packed anew at each use.
 */
public final class PackedWeights implements AutoCloseable {
  /** More than the weights of two detectors, forward and backward. */
  private static final int CAPACITY = 1024;

  private record Key(
      Buffer weight, long weightOffset, Buffer scale, long scaleOffset, WeightForm form) {
    @Override
    public boolean equals(Object other) {
      return other instanceof Key that
          && weight == that.weight
          && weightOffset == that.weightOffset
          && scale == that.scale
          && scaleOffset == that.scaleOffset
          && form == that.form;
    }

    @Override
    public int hashCode() {
      int hash = 31 * System.identityHashCode(weight) + Long.hashCode(weightOffset);
      return 31 * hash + System.identityHashCode(form);
    }
  }

  /** Which values were used last, and from their second use on a copy of them. */
  private static final class Use {
    long weightVersion;
    long scaleVersion;
    Buffer copy;

    void drop() {
      if (copy != null) {
        copy.close();
        copy = null;
      }
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
  private final Map<Key, Use> uses = new LinkedHashMap<>(64, 0.75f, true);

  /**
   * Makes an empty cache.
   *
   * @param context where temporary copies come from
   * @param loops multiplies the scale in
   * @param allocator where kept copies come from
   */
  public PackedWeights(
      OneDnnContext context, ElementwiseLoops loops, LongFunction<Buffer> allocator) {
    this.context = context;
    this.loops = loops;
    this.allocator = allocator;
  }

  /**
   * Returns a buffer that lives long: copies of the weights in it are kept until it closes, and
   * what is written to it is marked.
   *
   * @param raw its memory, which it closes
   */
  public Buffer remember(Buffer raw) {
    Buffer[] self = new Buffer[1];
    self[0] =
        new Buffer(
            raw.device(),
            raw.segment(),
            () -> {
              forget(self[0]);
              raw.close();
            });
    persistent.add(self[0]);
    return self[0];
  }

  /**
   * Drops the copies of what lies in a buffer.
   *
   * @param buffer the buffer, which closes
   */
  private void forget(Buffer buffer) {
    context.enterToClose();
    try {
      forgetNow(buffer);
    } finally {
      context.exit();
    }
  }

  private void forgetNow(Buffer buffer) {
    persistent.remove(buffer);
    for (Iterator<Map.Entry<Key, Use>> it = uses.entrySet().iterator(); it.hasNext(); ) {
      Map.Entry<Key, Use> entry = it.next();
      if (entry.getKey().weight == buffer || entry.getKey().scale == buffer) {
        it.remove();
        entry.getValue().drop();
      }
    }
  }

  /**
   * {@return weights in a form}
   *
   * @param weight the plain weights {@code [O, ...]}
   * @param scale {@code [O]}, or null
   * @param form the form
   */
  Lease take(Tensor weight, Tensor scale, WeightForm form) {
    context.enter();
    try {
      return takeNow(weight, scale, form);
    } finally {
      context.exit();
    }
  }

  private Lease takeNow(Tensor weight, Tensor scale, WeightForm form) {
    if (scale == null && form.isPlain()) {
      return new Lease(weight.segment(), null);
    }
    if (!persistent.contains(weight.buffer())
        || scale != null && !persistent.contains(scale.buffer())) {
      return packForNow(weight, scale, form);
    }
    Buffer scaleBuffer = scale == null ? null : scale.buffer();
    Key key =
        new Key(
            weight.buffer(),
            weight.byteOffset(),
            scaleBuffer,
            scale == null ? 0 : scale.byteOffset(),
            form);
    long scaleVersion = scaleBuffer == null ? 0 : scaleBuffer.version();
    Use use = uses.get(key);
    if (use == null
        || use.weightVersion != weight.buffer().version()
        || use.scaleVersion != scaleVersion) {
      note(key, weight.buffer().version(), scaleVersion);
      return packForNow(weight, scale, form);
    }
    if (use.copy == null) {
      use.copy = allocator.apply(form.byteSize());
      write(weight, scale, form, use.copy.segment());
    }
    return new Lease(use.copy.segment(), null);
  }

  private Lease packForNow(Tensor weight, Tensor scale, WeightForm form) {
    Buffer temporary = context.pool().take(form.byteSize());
    write(weight, scale, form, temporary.segment());
    return new Lease(temporary.segment(), temporary);
  }

  private void note(Key key, long weightVersion, long scaleVersion) {
    Use use = uses.computeIfAbsent(key, ignored -> new Use());
    use.drop();
    use.weightVersion = weightVersion;
    use.scaleVersion = scaleVersion;
    if (uses.size() > CAPACITY) {
      Iterator<Use> eldest = uses.values().iterator();
      Use victim = eldest.next();
      eldest.remove();
      victim.drop();
    }
  }

  private void write(Tensor weight, Tensor scale, WeightForm form, MemorySegment to) {
    if (scale == null) {
      form.pack(weight.segment(), to);
    } else if (form.isPlain()) {
      loops.scaleRows(weight.segment(), scale, to);
    } else {
      try (Buffer scaled = context.pool().take(weight.byteSize())) {
        loops.scaleRows(weight.segment(), scale, scaled.segment());
        form.pack(scaled.segment(), to);
      }
    }
  }

  @Override
  public void close() {
    uses.values().forEach(Use::drop);
    uses.clear();
    persistent.clear();
  }
}

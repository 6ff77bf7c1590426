package dev.cocoli.backend.cpu.onednn;

import dev.cocoli.backend.WeightKey;
import dev.cocoli.tensor.Buffer;
import dev.cocoli.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.LongFunction;

/**
 * The copies of weights that {@link PackedWeights} keep, for one backend or for several that share
 * the weights. Threads may use it at once: a copy is packed by the first that needs it, and its
 * memory stays until the last call that reads it has ended.
 */
final class PackedCopies implements AutoCloseable {
  /** More than the weights of two detectors, forward and backward. */
  private static final int CAPACITY = 1024;

  /** A copy that calls read, each until it gives it back. */
  static final class Copy {
    private final Buffer memory;
    private int readers;
    private boolean dropped;

    private Copy(Buffer memory) {
      this.memory = memory;
    }

    MemorySegment segment() {
      return memory.segment();
    }
  }

  /** Which values were used last, and a copy of them if they are kept. */
  private static final class Use {
    long weightVersion;
    long scaleVersion;
    Copy copy;
  }

  private final LongFunction<Buffer> allocator;
  private final Set<Buffer> persistent = Collections.newSetFromMap(new IdentityHashMap<>());
  private final Map<WeightKey, Use> uses = new LinkedHashMap<>(64, 0.75f, true);

  /** One object per form, and for each backend's own object the one that it is. */
  private final List<PackedWeights.Form.Identity> forms = new ArrayList<>();

  private final Map<PackedWeights.Form, PackedWeights.Form.Identity> known =
      new IdentityHashMap<>();

  /**
   * Holds no copy yet.
   *
   * @param allocator where copies come from; threads may call it at once
   */
  PackedCopies(LongFunction<Buffer> allocator) {
    this.allocator = allocator;
  }

  /** Says that copies of the weights in a buffer are kept until {@link #forget}. */
  synchronized void remember(Buffer buffer) {
    persistent.add(buffer);
  }

  /** Drops the copies of what lies in a buffer. */
  void forget(Buffer buffer) {
    List<Buffer> free = new ArrayList<>();
    synchronized (this) {
      persistent.remove(buffer);
      for (Iterator<Map.Entry<WeightKey, Use>> it = uses.entrySet().iterator(); it.hasNext(); ) {
        Map.Entry<WeightKey, Use> entry = it.next();
        if (entry.getKey().reads(buffer)) {
          it.remove();
          drop(entry.getValue(), free);
        }
      }
    }
    free.forEach(Buffer::close); // without the lock, because the memory may have one of its own
  }

  /**
   * Returns the copy of weights in a form, to be given back; null if these values are used for the
   * first time and may change, or are not kept.
   *
   * @param weight the plain weights
   * @param scale the factor of each output channel, or null
   * @param form the form, of any of the backends
   * @param pack writes a copy, if there is none yet
   */
  Copy take(Tensor weight, Tensor scale, PackedWeights.Form form, Consumer<MemorySegment> pack) {
    List<Buffer> free = new ArrayList<>();
    try {
      synchronized (this) {
        return take(weight, scale, form, pack, free);
      }
    } finally {
      free.forEach(Buffer::close);
    }
  }

  private Copy take(
      Tensor weight,
      Tensor scale,
      PackedWeights.Form form,
      Consumer<MemorySegment> pack,
      List<Buffer> free) {
    Buffer scaleBuffer = scale == null ? null : scale.buffer();
    if (!persistent.contains(weight.buffer())
        || scaleBuffer != null && !persistent.contains(scaleBuffer)) {
      return null;
    }
    WeightKey key = WeightKey.of(weight, scale, identity(form));
    long weightVersion = weight.buffer().version();
    long scaleVersion = scaleBuffer == null ? 0 : scaleBuffer.version();
    Use use = uses.get(key);
    if (use == null || use.weightVersion != weightVersion || use.scaleVersion != scaleVersion) {
      Use now = uses.computeIfAbsent(key, ignored -> new Use());
      drop(now, free);
      now.weightVersion = weightVersion;
      now.scaleVersion = scaleVersion;
      if (uses.size() > CAPACITY) {
        Iterator<Use> eldest = uses.values().iterator();
        Use victim = eldest.next();
        eldest.remove();
        drop(victim, free);
      }
      if (!weight.buffer().isSettled()) {
        return null;
      }
      use = now;
    }
    if (use.copy == null) {
      Buffer memory = allocator.apply(form.byteSize());
      try {
        pack.accept(memory.segment());
      } catch (RuntimeException | Error e) {
        free.add(memory);
        throw e;
      }
      use.copy = new Copy(memory);
    }
    use.copy.readers++;
    return use.copy;
  }

  private PackedWeights.Form.Identity identity(PackedWeights.Form form) {
    return known.computeIfAbsent(
        form,
        one -> {
          for (PackedWeights.Form.Identity other : forms) {
            if (other.isOf(one)) {
              return other;
            }
          }
          PackedWeights.Form.Identity identity =
              one.identity(); // a backend may close before the others
          forms.add(identity);
          return identity;
        });
  }

  private static void drop(Use use, List<Buffer> free) {
    if (use.copy != null) {
      use.copy.dropped = true;
      if (use.copy.readers == 0) {
        free.add(use.copy.memory);
      }
      use.copy = null;
    }
  }

  /** Ends the reading of a copy. */
  void giveBack(Copy copy) {
    boolean last;
    synchronized (this) {
      copy.readers--;
      last = copy.dropped && copy.readers == 0;
    }
    if (last) {
      copy.memory.close();
    }
  }

  /** Frees all copies; nobody may read one any more. */
  @Override
  public void close() {
    List<Buffer> free = new ArrayList<>();
    synchronized (this) {
      uses.values().forEach(use -> drop(use, free));
      uses.clear();
      persistent.clear();
      forms.forEach(PackedWeights.Form.Identity::close);
      forms.clear();
      known.clear();
    }
    free.forEach(Buffer::close);
  }
}

package dev.cocoli.backend.cuda.cublas;

import dev.cocoli.backend.BufferPool;
import dev.cocoli.backend.Closing;
import dev.cocoli.backend.WeightKey;
import dev.cocoli.backend.cuda.kernels.ElementwiseKernels;
import dev.cocoli.backend.cuda.kernels.ElementwiseKernels.ScaledRows;
import dev.cocoli.tensor.Buffer;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.LongFunction;

/**
 * Weights as products read them: with the scale of their rows multiplied in, and in the type of the
 * activations. A copy is written again when the version of the weight's or the scale's buffer has
 * moved, all that a training step uses by one kernel; a network that is not trained pays once. Only
 * weights in buffers that live long are kept; they go when the buffer closes. Others are copied
 * anew at each use.
 */
public final class WeightCopies implements AutoCloseable {
  /** More than the weights of two detectors, forward and backward. */
  private static final int CAPACITY = 1024;

  /** A copy and of which values it is. */
  private static final class Copy {
    final Tensor weight;
    final Tensor scale;
    final Tensor copy;
    final Buffer memory;
    long weightVersion;
    long scaleVersion;

    /** Whether a call has read these values. */
    boolean used;

    Copy(Tensor weight, Tensor scale, DType type, Buffer memory) {
      this.weight = weight;
      this.scale = scale;
      this.copy = new Tensor(memory, 0, weight.shape(), type);
      this.memory = memory;
    }

    boolean isStale() {
      return weightVersion != weight.buffer().version() || scaleVersion != version(scale);
    }

    /** Says that it has the values of now. */
    void renewed() {
      weightVersion = weight.buffer().version();
      scaleVersion = version(scale);
      used = false;
    }

    private static long version(Tensor tensor) {
      return tensor == null ? 0 : tensor.buffer().version();
    }
  }

  /**
   * Weights for one call; closing it ends the call.
   *
   * @param tensor the weights
   * @param temporary what goes back to the pool, or null
   */
  public record Lease(Tensor tensor, Buffer temporary) implements AutoCloseable {
    @Override
    public void close() {
      if (temporary != null) {
        temporary.close();
      }
    }
  }

  private final ElementwiseKernels kernels;
  private final BufferPool pool;
  private final LongFunction<Buffer> allocator;
  private final Set<Buffer> persistent = Collections.newSetFromMap(new IdentityHashMap<>());
  private final Map<WeightKey, Copy> copies = new LinkedHashMap<>(64, 0.75f, true);

  /** What {@link #state} has counted of that which is gone. */
  private long past;

  /**
   * Makes an empty cache.
   *
   * @param kernels multiply and convert
   * @param pool where temporary copies come from
   * @param allocator where kept copies come from
   */
  public WeightCopies(ElementwiseKernels kernels, BufferPool pool, LongFunction<Buffer> allocator) {
    this.kernels = kernels;
    this.pool = pool;
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

  /** Drops the copies of what lies in a buffer, which closes. */
  void forget(Buffer buffer) {
    if (persistent.remove(buffer)) {
      past += buffer.version() + 1;
    }
    for (Iterator<Map.Entry<WeightKey, Copy>> it = copies.entrySet().iterator(); it.hasNext(); ) {
      Map.Entry<WeightKey, Copy> entry = it.next();
      if (entry.getKey().reads(buffer)) {
        it.remove();
        close(entry.getValue());
      }
    }
  }

  /**
   * Returns weights as a product wants them.
   *
   * @param weight F32 {@code [O, ...]}
   * @param scale {@code [O]}, or null
   * @param type F32 or BF16
   */
  public Lease take(Tensor weight, Tensor scale, DType type) {
    if (scale == null && type == DType.F32) {
      return new Lease(weight, null);
    }
    long byteSize = weight.elementCount() * type.byteSize();
    if (!persistent.contains(weight.buffer())
        || scale != null && !persistent.contains(scale.buffer())) {
      Buffer temporary = pool.take(byteSize);
      Tensor copy = new Tensor(temporary, 0, weight.shape(), type);
      kernels.scaleRows(List.of(new ScaledRows(weight, scale, copy)));
      return new Lease(copy, temporary);
    }
    WeightKey key = WeightKey.of(weight, scale, type);
    Copy copy = copies.get(key);
    if (copy == null || copy.memory.byteSize() != byteSize) {
      copy = new Copy(weight, scale, type, allocator.apply(byteSize));
      replace(key, copy);
      write(List.of(copy));
    } else if (copy.isStale()) {
      renewWith(copy);
    }
    copy.used = true;
    return new Lease(copy.copy.view(0, weight.shape(), type), null);
  }

  /**
   * Writes a copy anew, and with it all that have been read since they were written: after an
   * update every layer wants its own, and one kernel writes them all.
   */
  private void renewWith(Copy wanted) {
    write(
        copies.values().stream()
            .filter(copy -> copy == wanted || copy.used && copy.isStale())
            .toList());
  }

  private void write(List<Copy> some) {
    kernels.scaleRows(
        some.stream().map(each -> new ScaledRows(each.weight, each.scale, each.copy)).toList());
    some.forEach(Copy::renewed);
  }

  private void replace(WeightKey key, Copy copy) {
    Copy old = copies.put(key, copy);
    if (old != null) {
      close(old);
    }
    if (copies.size() > CAPACITY) {
      Iterator<Copy> eldest = copies.values().iterator();
      Copy victim = eldest.next();
      eldest.remove();
      close(victim);
    }
  }

  private void close(Copy copy) {
    past++;
    copy.memory.close();
  }

  /**
   * Returns a number that moves when weights are written or a copy goes: what was recorded before
   * is stale, or reads memory that is somebody else's.
   */
  public long state() {
    long state = past;
    for (Buffer buffer : persistent) {
      state += buffer.version();
    }
    return state;
  }

  /** Says that what was queued to derive values from weights is lost. */
  public void distrust() {
    persistent.forEach(Buffer::markWritten);
  }

  /** Returns how many copies are kept. */
  int size() {
    return copies.size();
  }

  @Override
  public void close() {
    Closing.all(copies.values().stream().map(copy -> copy.memory).toList());
    copies.clear();
    persistent.clear();
  }
}

package dev.cocoli.backend.cpu.onednn;

import dev.cocoli.backend.cpu.CpuBackend;
import dev.cocoli.backend.cpu.loops.ElementwiseLoops;
import dev.cocoli.tensor.Buffer;
import dev.cocoli.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.function.LongFunction;

/**
 * Weights in the forms that primitives want, with the scale of their channels multiplied in: in a
 * frozen network the scale then costs nothing. A copy is kept from the first use of settled weights
 * on, else from the second use of the same values, and dropped when the version of the weight's or
 * the scale's buffer has moved: so a detector packs each weight once, and a network that is
 * trained, where a step uses most of them once each way, does not hold copies that are stale before
 * they are used again. Only weights in buffers of {@link CpuBackend#allocate} are kept; they go
 * when the buffer closes. Others are packed anew at each use. Backends that share weights share the
 * copies, too.
 */
public final class PackedWeights implements AutoCloseable {
  /**
   * Weights for one call; closing it ends the call.
   *
   * @param segment the packed weights
   * @param atEnd ends the call
   */
  record Lease(MemorySegment segment, Runnable atEnd) implements AutoCloseable {
    @Override
    public void close() {
      atEnd.run();
    }
  }

  /** A form that a primitive wants its weights in. Few exist: they are compared. */
  interface Form {
    /** {@return whether the weights are wanted as tensors hold them} */
    boolean isPlain();

    /** {@return the bytes of weights in this form} */
    long byteSize();

    /**
     * Converts weights to this form.
     *
     * @param from weights as tensors hold them
     * @param to weights in this form
     */
    void pack(MemorySegment from, MemorySegment to);

    /** {@return what this form is, apart from the backend that converts to it} */
    Identity identity();

    /** What a form is: the key of copies that several backends share. */
    interface Identity extends AutoCloseable {
      /** {@return whether a form, perhaps of another backend, is this one} */
      boolean isOf(Form form);

      @Override
      void close();
    }
  }

  private final OneDnnContext context;
  private final ElementwiseLoops loops;
  private final PackedCopies copies;
  private final boolean ownsCopies;

  /**
   * Makes an empty cache.
   *
   * @param context where temporary copies come from
   * @param loops multiplies the scale in
   * @param allocator where kept copies come from
   */
  public PackedWeights(
      OneDnnContext context, ElementwiseLoops loops, LongFunction<Buffer> allocator) {
    this(context, loops, new PackedCopies(allocator), true);
  }

  private PackedWeights(
      OneDnnContext context, ElementwiseLoops loops, PackedCopies copies, boolean ownsCopies) {
    this.context = context;
    this.loops = loops;
    this.copies = copies;
    this.ownsCopies = ownsCopies;
  }

  /**
   * {@return the cache of another backend for the same weights, which shares the kept copies; it is
   * closed before this}
   *
   * @param other that backend's context
   * @param loopsOfOther its loops
   */
  public PackedWeights sharedWith(OneDnnContext other, ElementwiseLoops loopsOfOther) {
    return new PackedWeights(other, loopsOfOther, copies, false);
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
              copies.forget(self[0]);
              raw.close();
            });
    copies.remember(self[0]);
    return self[0];
  }

  /**
   * {@return weights in a form}
   *
   * @param weight the plain weights {@code [O, ...]}
   * @param scale {@code [O]}, or null
   * @param form the form
   */
  Lease take(Tensor weight, Tensor scale, Form form) {
    context.enter();
    try {
      return takeNow(weight, scale, form);
    } finally {
      context.exit();
    }
  }

  private Lease takeNow(Tensor weight, Tensor scale, Form form) {
    if (scale == null && form.isPlain()) {
      return new Lease(weight.segment(), () -> {});
    }
    PackedCopies.Copy copy = copies.take(weight, scale, form, to -> write(weight, scale, form, to));
    return copy == null
        ? packForNow(weight, scale, form)
        : new Lease(copy.segment(), () -> copies.giveBack(copy));
  }

  private Lease packForNow(Tensor weight, Tensor scale, Form form) {
    Buffer temporary = context.pool().take(form.byteSize());
    write(weight, scale, form, temporary.segment());
    return new Lease(temporary.segment(), temporary::close);
  }

  private void write(Tensor weight, Tensor scale, Form form, MemorySegment to) {
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
    if (ownsCopies) {
      copies.close();
    }
  }
}

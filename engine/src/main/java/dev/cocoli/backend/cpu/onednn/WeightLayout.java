package dev.cocoli.backend.cpu.onednn;

import static dev.cocoli.backend.cpu.onednn.OneDnnContext.check;
import static dev.cocoli.bindings.onednn.Dnnl.*;

import java.lang.foreign.MemorySegment;

/**
 * A layout that a primitive wants its weights in, with the conversions from and to the plain one.
 * Few exist: primitives of different shapes share them.
 */
final class WeightLayout implements PackedWeights.Form, AutoCloseable {
  private final OneDnnContext context;
  private final MemorySegment plain;
  private final MemorySegment packed;
  private final boolean isPlain;
  private final long byteSize;
  private OneDnnPrimitive pack;
  private OneDnnPrimitive addUnpacked;

  WeightLayout(OneDnnContext context, MemorySegment plain, MemorySegment packed) {
    this.context = context;
    this.plain = clone(plain);
    this.packed = clone(packed);
    this.isPlain = dnnl_memory_desc_equal(plain, packed) != 0;
    this.byteSize = dnnl_memory_desc_get_size(packed);
  }

  private MemorySegment clone(MemorySegment descriptor) {
    check("dnnl_memory_desc_clone", dnnl_memory_desc_clone(context.out(), descriptor));
    return context.result();
  }

  boolean matches(MemorySegment otherPlain, MemorySegment otherPacked) {
    return dnnl_memory_desc_equal(packed, otherPacked) != 0
        && dnnl_memory_desc_equal(plain, otherPlain) != 0;
  }

  @Override
  public Identity identity() {
    WeightLayout copy = new WeightLayout(context, plain, packed);
    return new Identity() {
      @Override
      public boolean isOf(PackedWeights.Form form) {
        return form instanceof WeightLayout other && other.matches(copy.plain, copy.packed);
      }

      @Override
      public void close() {
        copy.close();
      }
    };
  }

  @Override
  public boolean isPlain() {
    return isPlain;
  }

  @Override
  public long byteSize() {
    return byteSize;
  }

  @Override
  public void pack(MemorySegment from, MemorySegment to) {
    if (pack == null) {
      pack = reorder(plain, packed, false);
    }
    pack.execute(from, to);
  }

  /**
   * Converts to the plain layout and adds to what is there.
   *
   * @param from packed weights
   * @param to plain weights
   */
  void addUnpacked(MemorySegment from, MemorySegment to) {
    if (addUnpacked == null) {
      addUnpacked = reorder(packed, plain, true);
    }
    addUnpacked.execute(from, to);
  }

  private OneDnnPrimitive reorder(MemorySegment from, MemorySegment to, boolean add) {
    try (Descriptors descriptors = new Descriptors(context)) {
      MemorySegment attributes = descriptors.attributes();
      if (add) {
        MemorySegment operations = descriptors.postOperations();
        descriptors.appendSum(operations);
        descriptors.setPostOperations(attributes, operations);
      }
      check(
          "dnnl_reorder_primitive_desc_create",
          dnnl_reorder_primitive_desc_create(
              context.out(), from, context.engine(), to, context.engine(), attributes));
      return new OneDnnPrimitive(context, context.result(), DNNL_ARG_FROM(), DNNL_ARG_TO());
    }
  }

  @Override
  public void close() {
    for (OneDnnPrimitive primitive : new OneDnnPrimitive[] {pack, addUnpacked}) {
      if (primitive != null) {
        primitive.close();
      }
    }
    check("dnnl_memory_desc_destroy", dnnl_memory_desc_destroy(plain));
    check("dnnl_memory_desc_destroy", dnnl_memory_desc_destroy(packed));
  }
}

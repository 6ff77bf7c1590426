package dev.cocoli.backend.cpu.onednn;

import static dev.cocoli.backend.cpu.onednn.OneDnnContext.check;
import static dev.cocoli.bindings.onednn.Dnnl.*;

import dev.cocoli.backend.Closing;
import dev.cocoli.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * What oneDNN needs while a primitive is described, freed together: memory descriptors, attributes,
 * small arrays. Extents are in oneDNN's order (N, C, H, W and O, I, kH, kW) whatever the layout.
 */
final class Descriptors implements AutoCloseable {
  private final OneDnnContext context;
  private final Arena arena = Arena.ofConfined();
  private final List<Runnable> releases = new ArrayList<>();
  private final List<OneDnnPrimitive> unfinished = new ArrayList<>();

  Descriptors(OneDnnContext context) {
    context.enter();
    this.context = context;
  }

  /**
   * {@return a descriptor of F32 memory}
   *
   * @param tag the layout
   * @param dims the extents
   */
  MemorySegment memory(int tag, long... dims) {
    return typed(dnnl_f32(), tag, dims);
  }

  /**
   * {@return a descriptor of memory}
   *
   * @param type the elements
   * @param tag the layout
   * @param dims the extents
   */
  MemorySegment typed(int type, int tag, long... dims) {
    MemorySegment out = context.out();
    check(
        "dnnl_memory_desc_create_with_tag",
        dnnl_memory_desc_create_with_tag(out, dims.length, longs(dims), type, tag));
    MemorySegment descriptor = context.result();
    releases.add(() -> check("dnnl_memory_desc_destroy", dnnl_memory_desc_destroy(descriptor)));
    return descriptor;
  }

  /**
   * {@return a descriptor of memory}
   *
   * @param type the elements
   * @param tag the layout
   * @param dims the extents
   */
  MemorySegment memory(DType type, int tag, long... dims) {
    return typed(code(type), tag, dims);
  }

  private static int code(DType type) {
    return switch (type) {
      case F32 -> dnnl_f32();
      case BF16 -> dnnl_bf16();
      case U8 -> dnnl_u8();
      case I32 -> dnnl_s32();
      default -> throw new IllegalArgumentException("oneDNN knows no " + type);
    };
  }

  /**
   * {@return 64-bit numbers}
   *
   * @param values the numbers
   */
  MemorySegment longs(long... values) {
    return arena.allocateFrom(ValueLayout.JAVA_LONG, values);
  }

  /** {@return attributes of a primitive whose scratch memory is given by the caller} */
  MemorySegment attributes() {
    check("dnnl_primitive_attr_create", dnnl_primitive_attr_create(context.out()));
    MemorySegment attributes = context.result();
    releases.add(
        () -> check("dnnl_primitive_attr_destroy", dnnl_primitive_attr_destroy(attributes)));
    check(
        "dnnl_primitive_attr_set_scratchpad_mode",
        dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user()));
    return attributes;
  }

  /** {@return an empty list of post-operations} */
  MemorySegment postOperations() {
    check("dnnl_post_ops_create", dnnl_post_ops_create(context.out()));
    MemorySegment operations = context.result();
    releases.add(() -> check("dnnl_post_ops_destroy", dnnl_post_ops_destroy(operations)));
    return operations;
  }

  /**
   * Adds an operation with another operand after what is there.
   *
   * @param operations the list
   * @param algorithm what is done
   * @param operand its descriptor
   */
  void append(MemorySegment operations, int algorithm, MemorySegment operand) {
    check(
        "dnnl_post_ops_append_binary", dnnl_post_ops_append_binary(operations, algorithm, operand));
  }

  /**
   * Adds a ReLU after what is there.
   *
   * @param operations the list
   */
  void appendRelu(MemorySegment operations) {
    check(
        "dnnl_post_ops_append_eltwise",
        dnnl_post_ops_append_eltwise(operations, dnnl_eltwise_relu(), 0, 0));
  }

  /**
   * Adds the values that the output has before, after what is there.
   *
   * @param operations the list
   */
  void appendSum(MemorySegment operations) {
    check(
        "dnnl_post_ops_append_sum",
        dnnl_post_ops_append_sum(operations, 1, 0, dnnl_data_type_undef()));
  }

  /**
   * Makes a list part of attributes.
   *
   * @param attributes the attributes
   * @param operations the list, complete
   */
  void setPostOperations(MemorySegment attributes, MemorySegment operations) {
    check(
        "dnnl_primitive_attr_set_post_ops",
        dnnl_primitive_attr_set_post_ops(attributes, operations));
  }

  /**
   * Frees a primitive descriptor that only served as a hint, together with the rest.
   *
   * @param hint the descriptor
   * @return the descriptor
   */
  MemorySegment hint(MemorySegment hint) {
    releases.add(() -> check("dnnl_primitive_desc_destroy", dnnl_primitive_desc_destroy(hint)));
    return hint;
  }

  /** {@return a product of matrices without a bias; closed with this, unless it is kept} */
  OneDnnPrimitive matmul(
      MemorySegment left, MemorySegment right, MemorySegment product, MemorySegment attributes) {
    return matmul(
        left,
        right,
        MemorySegment.NULL,
        product,
        attributes,
        DNNL_ARG_SRC(),
        DNNL_ARG_WEIGHTS(),
        DNNL_ARG_DST());
  }

  /**
   * {@return a product of matrices; closed with this, unless it is kept}
   *
   * @param left descriptor of the left factor
   * @param right descriptor of the right one
   * @param bias descriptor of what is added, or null's address
   * @param product descriptor of the product
   * @param attributes the attributes
   * @param arguments oneDNN's numbers of the arguments
   */
  OneDnnPrimitive matmul(
      MemorySegment left,
      MemorySegment right,
      MemorySegment bias,
      MemorySegment product,
      MemorySegment attributes,
      int... arguments) {
    check(
        "dnnl_matmul_primitive_desc_create",
        dnnl_matmul_primitive_desc_create(
            context.out(), context.engine(), left, right, bias, product, attributes));
    OneDnnPrimitive primitive = new OneDnnPrimitive(context, context.result(), arguments);
    unfinished.add(primitive);
    return primitive;
  }

  /** Leaves the primitives to the caller, who has made all that belong together. */
  void keep() {
    unfinished.clear();
  }

  @Override
  public void close() {
    Closing.all(unfinished);
    for (Runnable release : releases.reversed()) {
      release.run();
    }
    arena.close();
    context.exit();
  }
}

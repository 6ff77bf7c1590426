package dev.cocoli.backend.cpu.onednn;

import static dev.cocoli.backend.cpu.onednn.OneDnnContext.check;
import static dev.cocoli.bindings.onednn.Dnnl.*;

import dev.cocoli.bindings.onednn.dnnl_exec_arg_t;
import dev.cocoli.bindings.status.CStrings;
import dev.cocoli.tensor.Buffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A oneDNN primitive with its arguments bound once, so that a call only sets addresses. Scratch
 * memory comes from the pool for the length of a call.
 */
final class OneDnnPrimitive implements AutoCloseable {
  private final OneDnnContext context;
  private final MemorySegment primitiveDescriptor;
  private final MemorySegment primitive;
  private final int[] arguments;
  private final MemorySegment[] memories;
  private final MemorySegment scratch;
  private final long scratchBytes;
  private final MemorySegment block;
  private final int argumentCount;
  private boolean closed;

  /**
   * Creates a primitive.
   *
   * @param context engine and stream
   * @param primitiveDescriptor what to create; taken over
   * @param arguments oneDNN's numbers of the arguments, in the order in which {@link #execute} gets
   *     them
   */
  OneDnnPrimitive(OneDnnContext context, MemorySegment primitiveDescriptor, int... arguments) {
    this.context = context;
    this.primitiveDescriptor = primitiveDescriptor;
    this.arguments = arguments;
    check("dnnl_primitive_create", dnnl_primitive_create(context.out(), primitiveDescriptor));
    primitive = context.result();
    memories = new MemorySegment[arguments.length];
    block = context.takeArgumentBlock();
    for (int i = 0; i < arguments.length; i++) {
      memories[i] = bind(i, arguments[i], descriptor(arguments[i]));
    }
    MemorySegment scratchDescriptor =
        dnnl_primitive_desc_query_md(primitiveDescriptor, dnnl_query_scratchpad_md(), 0);
    scratchBytes =
        scratchDescriptor.address() == 0 ? 0 : dnnl_memory_desc_get_size(scratchDescriptor);
    if (scratchBytes > 0) {
      scratch = bind(arguments.length, DNNL_ARG_SCRATCHPAD(), scratchDescriptor);
      argumentCount = arguments.length + 1;
    } else {
      scratch = null;
      argumentCount = arguments.length;
    }
  }

  private MemorySegment bind(int index, int argument, MemorySegment descriptor) {
    check(
        "dnnl_memory_create",
        dnnl_memory_create(context.out(), descriptor, context.engine(), MemorySegment.NULL));
    MemorySegment memory = context.result();
    MemorySegment slot = dnnl_exec_arg_t.asSlice(block, index);
    dnnl_exec_arg_t.arg(slot, argument);
    dnnl_exec_arg_t.memory(slot, memory);
    return memory;
  }

  /**
   * {@return the descriptor of an argument as the primitive wants it; valid as long as this}
   *
   * @param argument oneDNN's number of it
   */
  MemorySegment descriptor(int argument) {
    MemorySegment descriptor =
        dnnl_primitive_desc_query_md(primitiveDescriptor, dnnl_query_exec_arg_md(), argument);
    if (descriptor.address() == 0) {
      throw new IllegalStateException("oneDNN: no argument " + argument);
    }
    return descriptor;
  }

  /**
   * {@return the bytes of an argument}
   *
   * @param argument oneDNN's number of it
   */
  long byteSize(int argument) {
    return dnnl_memory_desc_get_size(descriptor(argument));
  }

  /** {@return the name that oneDNN gives to its implementation} */
  String implementation() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment text = arena.allocate(ValueLayout.ADDRESS);
      check(
          "dnnl_primitive_desc_query",
          dnnl_primitive_desc_query(primitiveDescriptor, dnnl_query_impl_info_str(), 0, text));
      return CStrings.at(text.get(ValueLayout.ADDRESS, 0));
    }
  }

  /** {@return the bytes of scratch memory of a call} */
  long scratchBytes() {
    return scratchBytes;
  }

  /**
   * Runs the primitive.
   *
   * @param data the memory of each argument, of this backend or confined to this thread
   */
  void execute(MemorySegment... data) {
    context.enter();
    try {
      executeNow(data);
    } finally {
      context.exit();
    }
  }

  private void executeNow(MemorySegment... data) {
    if (scratch == null) {
      executeWith(MemorySegment.NULL, data);
      return;
    }
    try (Buffer room = context.pool().take(scratchBytes)) {
      executeWith(room.segment(), data);
    }
  }

  /**
   * Runs the primitive on any thread, without the pool, which belongs to one, for a caller that has
   * entered the context.
   *
   * @param room {@link #scratchBytes} of scratch memory
   * @param data the memory of each argument
   */
  void executeWith(MemorySegment room, MemorySegment... data) {
    for (int i = 0; i < arguments.length; i++) {
      check("dnnl_memory_set_data_handle", dnnl_memory_set_data_handle(memories[i], data[i]));
    }
    if (scratch != null) {
      check("dnnl_memory_set_data_handle", dnnl_memory_set_data_handle(scratch, room));
    }
    check(
        "dnnl_primitive_execute",
        dnnl_primitive_execute(primitive, context.stream(), argumentCount, block));
  }

  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    for (MemorySegment memory : memories) {
      check("dnnl_memory_destroy", dnnl_memory_destroy(memory));
    }
    if (scratch != null) {
      check("dnnl_memory_destroy", dnnl_memory_destroy(scratch));
    }
    context.giveBackArgumentBlock(block);
    check("dnnl_primitive_destroy", dnnl_primitive_destroy(primitive));
    check("dnnl_primitive_desc_destroy", dnnl_primitive_desc_destroy(primitiveDescriptor));
  }
}

package dev.cocoli.backend.cpu.onednn;

import static dev.cocoli.bindings.onednn.Dnnl.*;

import dev.cocoli.backend.BufferPool;
import dev.cocoli.bindings.onednn.OneDnn;
import dev.cocoli.bindings.onednn.OpenMpSettings;
import dev.cocoli.bindings.onednn.dnnl_exec_arg_t;
import dev.cocoli.bindings.status.DnnlStatus;
import dev.cocoli.tensor.Precision;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;

/**
 * oneDNN's engine and stream on this host, and the memory that its calls take their arguments from.
 * One thread uses it.
 */
public final class OneDnnContext implements AutoCloseable {
  /** The most arguments of a primitive here: source, weights, bias, residual, target, scratch. */
  static final int MAX_ARGUMENTS = 12;

  private final Arena arena = Arena.ofShared();
  private final MemorySegment out = arena.allocate(ValueLayout.ADDRESS);
  private final ArrayDeque<MemorySegment> argumentBlocks = new ArrayDeque<>();
  private final List<WeightLayout> weightLayouts = new ArrayList<>();
  private final BufferPool pool;
  private final ReentrantLock calls;
  private final MemorySegment engine;
  private final MemorySegment stream;
  private boolean closed;

  /**
   * Loads oneDNN if it is not loaded yet and opens an engine.
   *
   * @param settings how its threads behave
   * @param pool where scratch memory comes from
   * @param calls held while oneDNN works; whoever closes this or frees memory holds it too
   */
  public OneDnnContext(OpenMpSettings settings, BufferPool pool, ReentrantLock calls) {
    OneDnn.load(settings);
    this.pool = pool;
    this.calls = calls;
    check("dnnl_engine_create", dnnl_engine_create(out, dnnl_cpu(), 0));
    engine = result();
    check("dnnl_stream_create", dnnl_stream_create(out, engine, dnnl_stream_default_flags()));
    stream = result();
  }

  /**
   * Begins a call of oneDNN, until whose end nobody frees its memory or closes this.
   *
   * @throws IllegalStateException if this is closed
   */
  void enter() {
    calls.lock();
    if (closed) {
      calls.unlock();
      throw new IllegalStateException("the backend is closed");
    }
  }

  /** Ends a call. */
  void exit() {
    calls.unlock();
  }

  /** {@return where scratch memory comes from} */
  BufferPool pool() {
    return pool;
  }

  /** {@return the engine} */
  MemorySegment engine() {
    return engine;
  }

  /** {@return the stream} */
  MemorySegment stream() {
    return stream;
  }

  /** {@return where a call writes the one handle that it makes} */
  MemorySegment out() {
    return out;
  }

  /** {@return the handle that the last call wrote to {@link #out}} */
  MemorySegment result() {
    return out.get(ValueLayout.ADDRESS, 0);
  }

  /** {@return whether the processor has AVX-512, as far as oneDNN may use it} */
  boolean hasAvx512() {
    return has(dnnl_cpu_isa_avx512_core());
  }

  /**
   * Does nothing if the processor has the instructions of a precision. Without those of BF16 oneDNN
   * emulates some primitives on AVX-512, slower than in F32, and has others as plain loops.
   *
   * @throws IllegalArgumentException if it has not
   */
  public void require(Precision precision) {
    if (precision == Precision.BF16 && !has(dnnl_cpu_isa_avx512_core_bf16())) {
      throw new IllegalArgumentException(
          "this processor does not compute in bf16: that takes AVX-512 with BF16 (Intel from Cooper"
              + " Lake and Sapphire Rapids on, AMD from Zen 4 on), and oneDNN may use no more than "
              + OneDnn.instructionSet()
              + " here; use fp32");
    }
  }

  /** Instruction sets are sets of bits, each containing those before it. */
  private static boolean has(int instructions) {
    return (dnnl_get_effective_cpu_isa() & instructions) == instructions;
  }

  /** Waits for the stream. */
  public void synchronize() {
    enter();
    try {
      check("dnnl_stream_wait", dnnl_stream_wait(stream));
    } finally {
      exit();
    }
  }

  /** {@return room for the arguments of a primitive; to be given back} */
  MemorySegment takeArgumentBlock() {
    MemorySegment block = argumentBlocks.poll();
    return block != null ? block : dnnl_exec_arg_t.allocateArray(MAX_ARGUMENTS, arena);
  }

  /**
   * Takes room back.
   *
   * @param block what {@link #takeArgumentBlock} gave
   */
  void giveBackArgumentBlock(MemorySegment block) {
    argumentBlocks.add(block);
  }

  /**
   * {@return the one object for a private layout of weights}
   *
   * @param plain descriptor of the weights as tensors hold them
   * @param packed descriptor of the layout that a primitive wants
   */
  WeightLayout weightLayout(MemorySegment plain, MemorySegment packed) {
    for (WeightLayout layout : weightLayouts) {
      if (layout.matches(plain, packed)) {
        return layout;
      }
    }
    WeightLayout layout = new WeightLayout(this, plain, packed);
    weightLayouts.add(layout);
    return layout;
  }

  /** Frees all; primitives must have been closed. */
  @Override
  public void close() {
    closed = true;
    weightLayouts.forEach(WeightLayout::close);
    weightLayouts.clear();
    check("dnnl_stream_destroy", dnnl_stream_destroy(stream));
    check("dnnl_engine_destroy", dnnl_engine_destroy(engine));
    arena.close();
  }

  /**
   * Does nothing if a call succeeded, else throws.
   *
   * @param call the function
   * @param status what it returned
   */
  static void check(String call, int status) {
    DnnlStatus.check(call, status);
  }
}

package dev.cocoli.benchmarks.compare;

import static dev.cocoli.bindings.onednn.Dnnl.*;

import dev.cocoli.benchmarks.ConvolutionLayer;
import dev.cocoli.bindings.onednn.OneDnn;
import dev.cocoli.bindings.onednn.OpenMpSettings;
import dev.cocoli.bindings.onednn.dnnl_exec_arg_t;
import dev.cocoli.bindings.status.DnnlStatus;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * Measures the lower bound of a detector's time: oneDNN's primitives for its convolutions and the
 * matmuls of its box head, one after the other, with weights in the layout that oneDNN prefers, all
 * data in warm memory, and no work in between. It uses the bindings and nothing of the engine.
 */
public final class BareConvolutions implements AutoCloseable {
  private static final int ROUNDS = 3;

  /**
   * The spin count stays libgomp's default: this measures oneDNN, not our settings of its threads.
   */
  private static final OptionalLong DEFAULT_SPINS = OptionalLong.empty();

  /**
   * The seconds of all layers.
   *
   * @param forward the forward pass
   * @param backwardData the gradients by the inputs
   * @param backwardWeight the gradients by the weights
   */
  public record Seconds(double forward, double backwardData, double backwardWeight) {
    /** {@return the sum of the three} */
    public double sum() {
      return forward + backwardData + backwardWeight;
    }
  }

  /** The three primitives of a layer. */
  private enum Direction {
    FORWARD(DNNL_ARG_SRC(), DNNL_ARG_WEIGHTS(), DNNL_ARG_DST()),
    BACKWARD_DATA(DNNL_ARG_DIFF_SRC(), DNNL_ARG_WEIGHTS(), DNNL_ARG_DIFF_DST()),
    BACKWARD_WEIGHT(DNNL_ARG_SRC(), DNNL_ARG_DIFF_WEIGHTS(), DNNL_ARG_DIFF_DST());

    final int[] arguments;

    Direction(int... arguments) {
      this.arguments = arguments;
    }
  }

  private final Arena arena = Arena.ofConfined();
  private final MemorySegment out = arena.allocate(ValueLayout.ADDRESS);
  private final MemorySegment engine;
  private final MemorySegment stream;
  private final int type;
  private final long batch;

  /**
   * Loads oneDNN.
   *
   * @param threads the number of computing threads
   * @param type {@code dnnl_f32()} or {@code dnnl_bf16()}
   * @param batch the number of images per batch
   */
  public BareConvolutions(int threads, int type, long batch) {
    OneDnn.load(
        new OpenMpSettings(
            OptionalInt.of(threads), OpenMpSettings.WaitPolicy.UNSET, DEFAULT_SPINS));
    this.type = type;
    this.batch = batch;
    check("dnnl_engine_create", dnnl_engine_create(out, dnnl_cpu(), 0));
    engine = handle();
    check("dnnl_stream_create", dnnl_stream_create(out, engine, dnnl_stream_default_flags()));
    stream = handle();
  }

  /**
   * {@return the seconds of the layers; the first has no gradient by its input, which is the image}
   *
   * @param layers convolutions, each with its count
   */
  public Seconds measure(List<ConvolutionLayer> layers) {
    double forward = 0;
    double backwardData = 0;
    double backwardWeight = 0;
    for (ConvolutionLayer layer : layers) {
      forward += layer.count() * seconds(layer, Direction.FORWARD);
      backwardWeight += layer.count() * seconds(layer, Direction.BACKWARD_WEIGHT);
      if (layer.in() != 3) {
        backwardData += layer.count() * seconds(layer, Direction.BACKWARD_DATA);
      }
    }
    return new Seconds(forward, backwardData, backwardWeight);
  }

  /**
   * {@return the seconds of the layers' forward pass}
   *
   * @param layers convolutions, each with its count
   */
  public double measureForward(List<ConvolutionLayer> layers) {
    return layers.stream()
        .mapToDouble(layer -> layer.count() * seconds(layer, Direction.FORWARD))
        .sum();
  }

  /** The median of several runs, after a warm-up run. */
  private double seconds(ConvolutionLayer layer, Direction direction) {
    try (Arena local = Arena.ofConfined()) {
      List<Runnable> releases = new ArrayList<>();
      MemorySegment description = describe(local, layer, direction, releases);
      check("dnnl_primitive_create", dnnl_primitive_create(out, description));
      MemorySegment primitive = handle();
      int count = direction.arguments.length;
      MemorySegment arguments = dnnl_exec_arg_t.allocateArray(count, local);
      for (int i = 0; i < count; i++) {
        MemorySegment md =
            dnnl_primitive_desc_query_md(
                description, dnnl_query_exec_arg_md(), direction.arguments[i]);
        MemorySegment data = local.allocate(dnnl_memory_desc_get_size(md), 64);
        check("dnnl_memory_create", dnnl_memory_create(out, md, engine, data));
        MemorySegment memory = handle();
        releases.add(() -> check("dnnl_memory_destroy", dnnl_memory_destroy(memory)));
        MemorySegment slot = dnnl_exec_arg_t.asSlice(arguments, i);
        dnnl_exec_arg_t.arg(slot, direction.arguments[i]);
        dnnl_exec_arg_t.memory(slot, memory);
      }
      double[] rounds = new double[ROUNDS];
      for (int round = -1; round < ROUNDS; round++) {
        long began = System.nanoTime();
        check(
            "dnnl_primitive_execute", dnnl_primitive_execute(primitive, stream, count, arguments));
        check("dnnl_stream_wait", dnnl_stream_wait(stream));
        if (round >= 0) {
          rounds[round] = (System.nanoTime() - began) / 1e9;
        }
      }
      check("dnnl_primitive_destroy", dnnl_primitive_destroy(primitive));
      releases.reversed().forEach(Runnable::run);
      java.util.Arrays.sort(rounds);
      return rounds[ROUNDS / 2];
    }
  }

  private MemorySegment describe(
      Arena local, ConvolutionLayer layer, Direction direction, List<Runnable> releases) {
    MemorySegment source =
        descriptor(local, dnnl_nhwc(), releases, batch, layer.in(), layer.height(), layer.width());
    int kernel = layer.spec().kernel();
    MemorySegment weights =
        descriptor(local, dnnl_format_tag_any(), releases, layer.out(), layer.in(), kernel, kernel);
    MemorySegment target =
        descriptor(
            local, dnnl_nhwc(), releases, batch, layer.out(), layer.outHeight(), layer.outWidth());
    MemorySegment strides = pair(local, layer.spec().stride());
    MemorySegment dilations = pair(local, layer.spec().dilation() - 1);
    MemorySegment paddings = pair(local, layer.spec().padding());
    check(
        "dnnl_convolution_forward_primitive_desc_create",
        dnnl_convolution_forward_primitive_desc_create(
            out,
            engine,
            direction == Direction.FORWARD ? dnnl_forward_inference() : dnnl_forward_training(),
            dnnl_convolution_direct(),
            source,
            weights,
            MemorySegment.NULL,
            target,
            strides,
            dilations,
            paddings,
            paddings,
            MemorySegment.NULL));
    MemorySegment forward = owned(releases);
    if (direction == Direction.FORWARD) {
      return forward;
    }
    String call;
    int status;
    if (direction == Direction.BACKWARD_DATA) {
      call = "dnnl_convolution_backward_data_primitive_desc_create";
      status =
          dnnl_convolution_backward_data_primitive_desc_create(
              out,
              engine,
              dnnl_convolution_direct(),
              source,
              weights,
              target,
              strides,
              dilations,
              paddings,
              paddings,
              forward,
              MemorySegment.NULL);
    } else {
      call = "dnnl_convolution_backward_weights_primitive_desc_create";
      status =
          dnnl_convolution_backward_weights_primitive_desc_create(
              out,
              engine,
              dnnl_convolution_direct(),
              source,
              weights,
              MemorySegment.NULL,
              target,
              strides,
              dilations,
              paddings,
              paddings,
              forward,
              MemorySegment.NULL);
    }
    check(call, status);
    return owned(releases);
  }

  private MemorySegment owned(List<Runnable> releases) {
    MemorySegment description = handle();
    releases.add(
        () -> check("dnnl_primitive_desc_destroy", dnnl_primitive_desc_destroy(description)));
    return description;
  }

  private MemorySegment descriptor(Arena local, int tag, List<Runnable> releases, long... extents) {
    MemorySegment dims = local.allocateFrom(ValueLayout.JAVA_LONG, extents);
    check(
        "dnnl_memory_desc_create_with_tag",
        dnnl_memory_desc_create_with_tag(out, extents.length, dims, type, tag));
    MemorySegment descriptor = handle();
    releases.add(() -> check("dnnl_memory_desc_destroy", dnnl_memory_desc_destroy(descriptor)));
    return descriptor;
  }

  private static MemorySegment pair(Arena local, long value) {
    return local.allocateFrom(ValueLayout.JAVA_LONG, value, value);
  }

  private MemorySegment handle() {
    return out.get(ValueLayout.ADDRESS, 0);
  }

  private static void check(String call, int status) {
    DnnlStatus.check(call, status);
  }

  @Override
  public void close() {
    check("dnnl_stream_destroy", dnnl_stream_destroy(stream));
    check("dnnl_engine_destroy", dnnl_engine_destroy(engine));
    arena.close();
  }
}

package dev.cocoli.ops;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.CapturedRegion;
import dev.cocoli.backend.Constants;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.backend.primitives.Copies.Columns;
import dev.cocoli.distributed.Communicator;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Precision;
import dev.cocoli.tensor.Shape;
import dev.cocoli.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * One forward pass: a backend that computes, a scope that holds the results, a tape that records.
 * It has the operations that every model needs; {@link DenseOps}, {@link MapOps}, {@link RoiOps},
 * {@link RegionOps} and {@link Losses} have the others. They check shapes; the backend does not.
 */
public final class Ops {
  /** All sums of a ResNet-50 with trained norms. */
  private static final long ZEROS_BYTES = 1L << 19;

  private static final long ZEROS_ALIGNMENT = 64;

  private final Backend backend;
  private final TensorScope scope;
  private final Tape tape;
  private final Precision precision;
  private final Optional<Communicator> replicas;

  /** Memory for {@link #zeros}, and how many bytes of it are given out. */
  private Tensor cleared;

  private long clearedBytes;

  /**
   * Begins a forward pass in fp32.
   *
   * @param backend what computes
   * @param scope where results live
   * @param tape what remembers; {@link Tape#NONE} for inference
   */
  public Ops(Backend backend, TensorScope scope, Tape tape) {
    this(backend, scope, tape, Precision.FP32);
  }

  /**
   * Begins a forward pass.
   *
   * @param backend what computes
   * @param scope where results live
   * @param tape what remembers; {@link Tape#NONE} for inference
   * @param precision what a network's activations are in
   * @throws IllegalArgumentException if the backend does not compute in it
   */
  public Ops(Backend backend, TensorScope scope, Tape tape, Precision precision) {
    this(backend, scope, tape, precision, Optional.empty());
  }

  /**
   * Begins a forward pass whose batch norms may share their statistics.
   *
   * @param backend what computes
   * @param scope where results live
   * @param tape what remembers; {@link Tape#NONE} for inference
   * @param precision what a network's activations are in
   * @param replicas who they share them with
   * @throws IllegalArgumentException if the backend does not compute in it
   */
  public Ops(
      Backend backend,
      TensorScope scope,
      Tape tape,
      Precision precision,
      Optional<Communicator> replicas) {
    backend.require(precision);
    this.replicas = replicas;
    this.backend = backend;
    this.scope = scope;
    this.tape = tape;
    this.precision = precision;
  }

  /** {@return what computes} */
  public Backend backend() {
    return backend;
  }

  /** {@return the same pass with a tape that records nothing: what it computes has no gradient} */
  public Ops untracked() {
    return tape.isRecording() ? new Ops(backend, scope, Tape.NONE, precision, replicas) : this;
  }

  /** {@return what is kept on the device because it follows from shapes alone} */
  public Constants constants() {
    return backend.constants();
  }

  /** {@return where results live} */
  public TensorScope scope() {
    return scope;
  }

  /** {@return what remembers} */
  public Tape tape() {
    return tape;
  }

  /** The replicas that share the statistics of batch norms, if they do. */
  Optional<Communicator> replicas() {
    return replicas;
  }

  /** {@return what a network's activations are in} */
  public Precision precision() {
    return precision;
  }

  /**
   * {@return a new tensor with undefined elements}
   *
   * @param dtype the element type
   * @param dims the extents
   */
  public Tensor allocate(DType dtype, long... dims) {
    return scope.allocate(dtype, dims);
  }

  /**
   * Zeros for small sums that live as long as the pass: those of a whole network are cleared at
   * once.
   */
  Tensor zeros(long... dims) {
    Shape shape = Shape.of(dims);
    long bytes =
        Math.ceilDiv(shape.elementCount() * Float.BYTES, ZEROS_ALIGNMENT) * ZEROS_ALIGNMENT;
    if (cleared == null || clearedBytes + bytes > cleared.byteSize()) {
      cleared = allocate(DType.F32, Math.max(ZEROS_BYTES, bytes) / Float.BYTES);
      clearedBytes = 0;
      backend.copies().fill(cleared, 0);
    }
    Tensor zeros = cleared.view(clearedBytes, shape, DType.F32);
    clearedBytes += bytes;
    return zeros;
  }

  Tensor like(Tensor x) {
    return scope.allocate(x.dtype(), x.shape());
  }

  /**
   * {@return a tensor on the device with these values}
   *
   * @param values row-major
   * @param dims the extents
   */
  public Tensor upload(float[] values, long... dims) {
    Tensor tensor = allocate(DType.F32, dims);
    require(tensor.elementCount() == values.length, "values", tensor, values.length);
    upload(MemorySegment.ofArray(values), tensor);
    return tensor;
  }

  /**
   * {@return a tensor on the device with these values}
   *
   * @param values row-major
   * @param dims the extents
   */
  public Tensor upload(int[] values, long... dims) {
    Tensor tensor = allocate(DType.I32, dims);
    require(tensor.elementCount() == values.length, "values", tensor, values.length);
    upload(MemorySegment.ofArray(values), tensor);
    return tensor;
  }

  private void upload(MemorySegment values, Tensor tensor) {
    if (values.byteSize() > 0) {
      backend.transfers().upload(values, tensor);
    }
  }

  /**
   * Waits for a tensor and copies it to the host.
   *
   * @param tensor F32
   * @return its elements, row-major
   */
  public float[] download(Tensor tensor) {
    float[] values = new float[Math.toIntExact(tensor.elementCount())];
    if (values.length > 0) {
      backend.transfers().download(tensor, MemorySegment.ofArray(values));
    }
    return values;
  }

  /**
   * Says that the forward pass does not read a tensor again. Its memory, and that of its views,
   * goes back at once unless the backward pass needs it, which then frees it.
   *
   * @param tensor the tensor
   */
  public void release(Tensor tensor) {
    if (!tape.isRecording() || !tape.holds(tensor)) {
      scope.release(tensor);
    }
  }

  /** A part of a forward pass: see {@link #captured}. */
  @FunctionalInterface
  public interface Part {
    /**
     * {@return the results}
     *
     * @param ops the forward pass
     * @param input the input; released
     */
    List<Tensor> forward(Ops ops, Tensor input);
  }

  /**
   * Runs a part of a forward pass that makes the same calls for the same shape and type of its
   * input. Where nothing is recorded, a device may remember and replay them. The part does not
   * upload, download or wait; besides its input it reads parameters alone.
   *
   * @param owner whose part it is; an owner has one
   * @param input the input; released
   * @param part the part
   * @return its results, valid until the next such part runs
   */
  public List<Tensor> captured(Object owner, Tensor input, Part part) {
    if (tape.isRecording() || replicas.isPresent()) {
      return part.forward(this, input);
    }
    CapturedRegion.Key key = new CapturedRegion.Key(owner, input.shape(), input.dtype());
    return backend
        .replays()
        .run(
            key,
            (other, x) -> part.forward(new Ops(backend, other, tape, precision), x),
            scope,
            input);
  }

  /** Runs the gradients of all losses recorded, and empties the tape. */
  public void backward() {
    tape.backward(this);
  }

  /**
   * {@return the same numbers as another type; the tensor itself if it is of that}
   *
   * @param x F32 or BF16
   * @param dtype F32 or BF16
   */
  public Tensor cast(Tensor x, DType dtype) {
    if (x.dtype() == dtype) {
      return x;
    }
    Tensor y = converted(x, dtype);
    tape.record(y, List.of(x), List.of(), dy -> tape.contribute(x, converted(dy, x.dtype())));
    return y;
  }

  Tensor converted(Tensor x, DType dtype) {
    Tensor y = scope.allocate(dtype, x.shape());
    backend.copies().cast(x, y);
    return y;
  }

  /**
   * {@return the same elements under another shape, sharing memory}
   *
   * @param x any tensor
   * @param dims the extents
   */
  public Tensor reshape(Tensor x, long... dims) {
    Tensor y = x.reshape(dims);
    tape.recordView(y, x, dy -> tape.contribute(x, dy.reshape(x.shape().toArray())));
    return y;
  }

  /**
   * {@return matrices side by side, {@code [R, sum of C]}}
   *
   * @param parts one {@code [R,C]} or more
   */
  public Tensor concatColumns(List<Tensor> parts) {
    long rows = parts.getFirst().dim(0);
    long width = 0;
    for (Tensor part : parts) {
      require(part.shape().rank() == 2 && part.dim(0) == rows, "concat", parts.getFirst(), part);
      width += part.dim(1);
    }
    Tensor y = allocate(parts.getFirst().dtype(), rows, width);
    List<Columns> copies = new ArrayList<>();
    long column = 0;
    for (Tensor part : parts) {
      copies.add(new Columns(part, 0, y, column, part.dim(1)));
      column += part.dim(1);
    }
    backend.copies().copyColumns(copies);
    List<Tensor> inputs = new ArrayList<>(parts);
    tape.record(
        y,
        inputs,
        List.of(),
        dy -> {
          long at = 0;
          for (Tensor part : inputs) {
            if (tape.tracks(part)) {
              Tensor dPart = like(part);
              backend.copies().copyColumns(dy, at, dPart, 0, part.dim(1));
              tape.contribute(part, dPart);
            }
            at += part.dim(1);
          }
        });
    return y;
  }

  /**
   * {@return some columns of matrices, row after row, side by side: {@code [N, sum of R *
   * columns]}; without a gradient}
   *
   * @param parts one {@code [N,R,C]} or more, which the tape does not track
   * @param first the first column
   * @param columns how many
   */
  public Tensor concatColumns(List<Tensor> parts, long first, long columns) {
    Tensor like = parts.getFirst();
    long width = 0;
    for (Tensor part : parts) {
      require(part.shape().rank() == 3 && part.dim(0) == like.dim(0), "concat", like, part);
      require(!tape.tracks(part), "concat without a gradient", like, part);
      width += part.dim(1) * columns;
    }
    Tensor y = allocate(like.dtype(), like.dim(0), width);
    List<Columns> copies = new ArrayList<>();
    long column = 0;
    for (Tensor part : parts) {
      copies.add(new Columns(part, first, y, column, columns));
      column += part.dim(1) * columns;
    }
    backend.copies().copyColumns(copies);
    return y;
  }

  /**
   * {@return chosen rows of each image, {@code [N,M,C]}}
   *
   * @param x {@code [N,R,C]}
   * @param indices I32 {@code [N,M]}; a negative one picks zeros (F32) or -1 (I32)
   */
  public Tensor gatherRows(Tensor x, Tensor indices) {
    require(x.shape().rank() == 3 && x.dim(0) == indices.dim(0), "gather", x, indices);
    Tensor y = allocate(x.dtype(), x.dim(0), indices.dim(1), x.dim(2));
    backend.regions().gatherRows(x, indices, y);
    tape.record(
        y,
        List.of(x),
        List.of(),
        dy -> {
          Tensor dx = like(x);
          backend.regions().scatterRows(dy, indices, dx);
          tape.contribute(x, dx);
        });
    return y;
  }

  static boolean isLike(Tensor one, Tensor other) {
    return one.shape().equals(other.shape()) && one.dtype() == other.dtype();
  }

  static void require(boolean holds, String what, Object one, Object other) {
    if (!holds) {
      throw new IllegalArgumentException(what + ": " + one + " does not go with " + other);
    }
  }
}

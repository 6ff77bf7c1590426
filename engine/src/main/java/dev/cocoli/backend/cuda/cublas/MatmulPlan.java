package dev.cocoli.backend.cuda.cublas;

import static dev.cocoli.bindings.cublas.Cublas.*;

import dev.cocoli.backend.Closing;
import dev.cocoli.backend.cuda.CudaSettings;
import dev.cocoli.bindings.NativeHandle;
import dev.cocoli.bindings.cublas.cublasLtMatmulHeuristicResult_t;
import dev.cocoli.bindings.status.CublasStatus;
import dev.cocoli.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;

/**
 * A product of matrices with the algorithms that cublasLt thinks fastest, of which one is chosen:
 * at first the first.
 */
final class MatmulPlan implements AutoCloseable {
  private static final int MOST_CANDIDATES = 8;

  private final Arena arena = Arena.ofShared();
  private final Deque<NativeHandle> owned = new ArrayDeque<>();
  private final MatmulShape shape;
  private final NativeHandle operation;
  private final NativeHandle a;
  private final NativeHandle b;
  private final NativeHandle d;
  private final MemorySegment one = arena.allocateFrom(ValueLayout.JAVA_FLOAT, 1f);
  private final MemorySegment beta;
  private final MemorySegment biasAddress = arena.allocate(ValueLayout.ADDRESS);

  /** What cublasLt answered, the best first. */
  private final MemorySegment results =
      cublasLtMatmulHeuristicResult_t.allocateArray(MOST_CANDIDATES, arena);

  private int candidates;
  private int chosen;

  /** Describes a product; it has no algorithm yet. */
  MatmulPlan(MatmulShape shape, CudaSettings settings) {
    this.shape = shape;
    beta = arena.allocateFrom(ValueLayout.JAVA_FLOAT, shape.beta());
    try {
      operation = operation(settings);
      a = layout(shape.type(), shape.a());
      b = layout(shape.type(), shape.b());
      d = layout(shape.outType(), shape.d());
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  private NativeHandle own(NativeHandle handle) {
    owned.push(handle);
    return handle;
  }

  private NativeHandle operation(CudaSettings settings) {
    // the table of types in cublasLt's documentation: TF32 takes fp32 operands only
    boolean tf32 = settings.tf32() && shape.type() == DType.F32;
    int compute = tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32() : CUBLAS_COMPUTE_32F();
    NativeHandle description =
        own(
            NativeHandle.create(
                CublasStatus::check,
                "cublasLtMatmulDescCreate",
                out -> cublasLtMatmulDescCreate(out, compute, CUDA_R_32F()),
                pointer ->
                    CublasStatus.check(
                        "cublasLtMatmulDescDestroy", cublasLtMatmulDescDestroy(pointer))));
    set(description, CUBLASLT_MATMUL_DESC_TRANSA(), transposition(shape.a()));
    set(description, CUBLASLT_MATMUL_DESC_TRANSB(), transposition(shape.b()));
    set(description, CUBLASLT_MATMUL_DESC_EPILOGUE(), shape.epilogue());
    if (shape.bias()) {
      set(
          description,
          CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE(),
          MatmulShape.dataType(shape.outType()));
    }
    return description;
  }

  private static int transposition(MatmulShape.Matrix matrix) {
    return matrix.transposed() ? CUBLAS_OP_T() : CUBLAS_OP_N();
  }

  private void set(NativeHandle description, int attribute, int value) {
    set(description, attribute, arena.allocateFrom(ValueLayout.JAVA_INT, value));
  }

  private static void set(NativeHandle description, int attribute, MemorySegment value) {
    CublasStatus.check(
        "cublasLtMatmulDescSetAttribute",
        cublasLtMatmulDescSetAttribute(description.pointer(), attribute, value, value.byteSize()));
  }

  private NativeHandle layout(DType type, MatmulShape.Matrix matrix) {
    return own(
        NativeHandle.create(
            CublasStatus::check,
            "cublasLtMatrixLayoutCreate",
            out ->
                cublasLtMatrixLayoutCreate(
                    out,
                    MatmulShape.dataType(type),
                    matrix.rows(),
                    matrix.columns(),
                    matrix.rows()),
            pointer ->
                CublasStatus.check(
                    "cublasLtMatrixLayoutDestroy", cublasLtMatrixLayoutDestroy(pointer))));
  }

  /**
   * Asks for algorithms.
   *
   * @param bias where the bias lies, or null: its alignment counts
   * @return whether there is one
   */
  boolean choose(MemorySegment handle, CudaSettings settings, MemorySegment bias) {
    setBias(bias);
    try (Arena call = Arena.ofConfined();
        NativeHandle preference = preference(settings, call)) {
      MemorySegment count = call.allocate(ValueLayout.JAVA_INT);
      int status =
          cublasLtMatmulAlgoGetHeuristic(
              handle,
              operation.pointer(),
              a.pointer(),
              b.pointer(),
              d.pointer(),
              d.pointer(),
              preference.pointer(),
              MOST_CANDIDATES,
              results,
              count);
      // which of the two a combination of types gets is not told
      if (status == CUBLAS_STATUS_NOT_SUPPORTED() || status == CUBLAS_STATUS_INVALID_VALUE()) {
        return false;
      }
      CublasStatus.check("cublasLtMatmulAlgoGetHeuristic of " + shape, status);
      int answered = count.get(ValueLayout.JAVA_INT, 0);
      while (candidates < answered
          && cublasLtMatmulHeuristicResult_t.state(result(candidates)) == CUBLAS_STATUS_SUCCESS()) {
        candidates++;
      }
      return candidates > 0;
    }
  }

  private NativeHandle preference(CudaSettings settings, Arena call) {
    NativeHandle preference =
        NativeHandle.create(
            CublasStatus::check,
            "cublasLtMatmulPreferenceCreate",
            out -> cublasLtMatmulPreferenceCreate(out),
            pointer ->
                CublasStatus.check(
                    "cublasLtMatmulPreferenceDestroy", cublasLtMatmulPreferenceDestroy(pointer)));
    try {
      long workspace = Math.min(CublasMatmul.MOST_WORKSPACE_BYTES, settings.workspaceBytes());
      prefer(
          preference,
          CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES(),
          call.allocateFrom(ValueLayout.JAVA_LONG, workspace));
      MemorySegment alignment = call.allocateFrom(ValueLayout.JAVA_INT, shape.alignmentBytes());
      prefer(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES(), alignment);
      prefer(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES(), alignment);
      prefer(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES(), alignment);
      prefer(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES(), alignment);
      prefer(
          preference,
          CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK(),
          call.allocateFrom(ValueLayout.JAVA_INT, reductionSchemes(settings)));
      return preference;
    } catch (RuntimeException e) {
      preference.close();
      throw e;
    }
  }

  /** Returns how an algorithm that splits the sum over K may add up the parts: a mask. */
  private int reductionSchemes(CudaSettings settings) {
    if (shape.outType() == DType.BF16) {
      // the other schemes round each part to bf16
      return CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE();
    }
    // in place, blocks add in the order in which they finish
    return settings.deterministic()
        ? CUBLASLT_REDUCTION_SCHEME_MASK() & ~CUBLASLT_REDUCTION_SCHEME_INPLACE()
        : CUBLASLT_REDUCTION_SCHEME_MASK();
  }

  private static void prefer(NativeHandle preference, int attribute, MemorySegment value) {
    CublasStatus.check(
        "cublasLtMatmulPreferenceSetAttribute",
        cublasLtMatmulPreferenceSetAttribute(
            preference.pointer(), attribute, value, value.byteSize()));
  }

  private void setBias(MemorySegment bias) {
    if (shape.bias()) {
      biasAddress.set(ValueLayout.ADDRESS, 0, bias);
      set(operation, CUBLASLT_MATMUL_DESC_BIAS_POINTER(), biasAddress);
    }
  }

  private MemorySegment result(int candidate) {
    return cublasLtMatmulHeuristicResult_t.asSlice(results, candidate);
  }

  /** Returns how many algorithms there are to choose from. */
  int candidates() {
    return candidates;
  }

  /** Chooses one of the algorithms. */
  void choose(int candidate) {
    chosen = candidate;
  }

  /** Returns how much scratch memory the chosen algorithm takes. */
  long workspaceBytes() {
    return cublasLtMatmulHeuristicResult_t.workspaceSize(result(chosen));
  }

  /** Returns what is computed. */
  MatmulShape shape() {
    return shape;
  }

  /**
   * Queues the product.
   *
   * @param workspace scratch memory; empty if none is taken
   */
  void execute(
      MemorySegment handle,
      MemorySegment first,
      MemorySegment second,
      MemorySegment product,
      MemorySegment bias,
      Optional<MemorySegment> workspace,
      MemorySegment stream) {
    setBias(bias);
    int status =
        cublasLtMatmul(
            handle,
            operation.pointer(),
            one,
            first,
            a.pointer(),
            second,
            b.pointer(),
            beta,
            product,
            d.pointer(),
            product,
            d.pointer(),
            cublasLtMatmulHeuristicResult_t.algo(result(chosen)),
            workspace.orElse(MemorySegment.NULL),
            workspace.map(MemorySegment::byteSize).orElse(0L),
            stream);
    if (status != 0) {
      CublasStatus.check("cublasLtMatmul of " + shape, status);
    }
  }

  /** Returns an integer attribute of the operation, as the library has it. */
  int operationAttribute(int attribute) {
    try (Arena call = Arena.ofConfined()) {
      MemorySegment value = call.allocate(ValueLayout.JAVA_INT);
      CublasStatus.check(
          "cublasLtMatmulDescGetAttribute",
          cublasLtMatmulDescGetAttribute(
              operation.pointer(),
              attribute,
              value,
              value.byteSize(),
              call.allocate(ValueLayout.JAVA_LONG)));
      return value.get(ValueLayout.JAVA_INT, 0);
    }
  }

  @Override
  public void close() {
    try {
      Closing.all(owned);
    } finally {
      owned.clear();
      if (arena.scope().isAlive()) {
        arena.close();
      }
    }
  }
}

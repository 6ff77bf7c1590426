package dev.cocoli.backend.cpu.onednn;

import static dev.cocoli.backend.cpu.onednn.OneDnnContext.check;
import static dev.cocoli.bindings.onednn.Dnnl.*;

import dev.cocoli.backend.PlanCache;
import dev.cocoli.backend.spec.Activation;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.function.IntSupplier;

/**
 * Products of row-major matrices. In F32, with AVX2, oneDNN's {@code sgemm} is a quarter faster
 * than its matmul primitive on the large products of a detector (78 against 59 GFLOP/s a core on
 * {@code fc6}) and needs no packed weights. In BF16 there is only the primitive.
 */
public final class OneDnnMatmul implements AutoCloseable {
  private static final int CAPACITY = 128;

  /** What a product adds to; for gradients of weights. */
  private record SumKey(DType type, long k, long m, long n) {}

  /** Whether the weights' rows are the columns of the right factor, or its rows. */
  private enum Weights {
    TRANSPOSED,
    AS_THEY_ARE
  }

  private record WeightKey(
      DType type,
      DType outType,
      Weights weights,
      boolean bias,
      Activation activation,
      long m,
      long k,
      long n) {}

  private record Plan(OneDnnPrimitive primitive, WeightLayout layout) implements AutoCloseable {
    @Override
    public void close() {
      primitive.close();
    }
  }

  private final OneDnnContext context;
  private final PackedWeights packedWeights;
  private final PlanCache<SumKey, OneDnnPrimitive> sums = new PlanCache<>(CAPACITY);
  private final PlanCache<WeightKey, Plan> withWeights = new PlanCache<>(CAPACITY);

  public OneDnnMatmul(OneDnnContext context, PackedWeights packedWeights) {
    this.context = context;
    this.packedWeights = packedWeights;
  }

  /**
   * {@code c = a b} in F32.
   *
   * @param a {@code [m,k]}
   * @param b {@code [k,n]}
   * @param c {@code [m,n]}
   */
  void times(MemorySegment a, MemorySegment b, MemorySegment c, long m, long k, long n) {
    call(() -> dnnl_sgemm((byte) 'N', (byte) 'N', m, n, k, 1f, a, k, b, n, 0f, c, n));
  }

  /**
   * {@code c = a b^T} in F32.
   *
   * @param a {@code [m,k]}
   * @param b {@code [n,k]}
   * @param c {@code [m,n]}
   */
  void timesTransposed(MemorySegment a, MemorySegment b, MemorySegment c, long m, long k, long n) {
    call(() -> dnnl_sgemm((byte) 'N', (byte) 'T', m, n, k, 1f, a, k, b, k, 0f, c, n));
  }

  private void call(IntSupplier gemm) {
    context.enter();
    try {
      check("dnnl_sgemm", gemm.getAsInt());
    } finally {
      context.exit();
    }
  }

  /**
   * {@code c = activation(a weight^T + bias)} for a in BF16.
   *
   * @param activation applied last
   * @param a {@code [m,k]}
   * @param weight F32 {@code [n,k]}, packed for the primitive
   * @param bias F32 {@code [n]}, or null
   * @param c {@code [m,n]}, BF16 or F32
   */
  void timesWeightTransposed(
      Activation activation, Tensor a, Tensor weight, Tensor bias, Tensor c) {
    WeightKey key =
        new WeightKey(
            a.dtype(),
            c.dtype(),
            Weights.TRANSPOSED,
            bias != null,
            activation,
            a.dim(0),
            a.dim(1),
            c.dim(1));
    Plan plan = withWeights.get(key, this::describe);
    try (PackedWeights.Lease packed = packedWeights.take(weight, null, plan.layout)) {
      if (bias == null) {
        plan.primitive.execute(a.segment(), packed.segment(), c.segment());
      } else {
        plan.primitive.execute(a.segment(), packed.segment(), c.segment(), bias.segment());
      }
    }
  }

  /**
   * {@code c = a weight} for a in BF16.
   *
   * @param a {@code [m,k]}
   * @param weight F32 {@code [k,n]}, packed for the primitive
   * @param c {@code [m,n]}, BF16 or F32
   */
  void timesWeight(Tensor a, Tensor weight, Tensor c) {
    WeightKey key =
        new WeightKey(
            a.dtype(),
            c.dtype(),
            Weights.AS_THEY_ARE,
            false,
            Activation.NONE,
            a.dim(0),
            a.dim(1),
            c.dim(1));
    Plan plan = withWeights.get(key, this::describe);
    try (PackedWeights.Lease packed = packedWeights.take(weight, null, plan.layout)) {
      plan.primitive.execute(a.segment(), packed.segment(), c.segment());
    }
  }

  /**
   * {@code c += a^T b}.
   *
   * @param type of the factors, F32 or BF16; the sum is F32
   * @param a {@code [k,m]}
   * @param b {@code [k,n]}
   * @param c {@code [m,n]}
   */
  void addTransposedTimes(
      DType type, MemorySegment a, MemorySegment b, MemorySegment c, long k, long m, long n) {
    // the one form where sgemm is the slower one: 38 against 55 GFLOP/s a core at 1024 x 256
    boolean flat = Math.max(m, n) >= 1024 && Math.min(m, n) <= 256 && Math.min(m, n) >= 128;
    if (flat || type == DType.BF16) {
      sums.get(new SumKey(type, k, m, n), this::describe).execute(a, b, c);
      return;
    }
    call(() -> dnnl_sgemm((byte) 'T', (byte) 'N', m, n, k, 1f, a, m, b, n, 1f, c, n));
  }

  private OneDnnPrimitive describe(SumKey key) {
    try (Descriptors descriptors = new Descriptors(context)) {
      MemorySegment attributes = descriptors.attributes();
      MemorySegment operations = descriptors.postOperations();
      descriptors.appendSum(operations);
      descriptors.setPostOperations(attributes, operations);
      OneDnnPrimitive sum =
          descriptors.matmul(
              descriptors.memory(key.type, dnnl_ba(), key.m, key.k),
              descriptors.memory(key.type, dnnl_ab(), key.k, key.n),
              descriptors.memory(DType.F32, dnnl_ab(), key.m, key.n),
              attributes);
      descriptors.keep();
      return sum;
    }
  }

  private Plan describe(WeightKey key) {
    try (Descriptors descriptors = new Descriptors(context)) {
      MemorySegment attributes = descriptors.attributes();
      if (key.activation == Activation.RELU) {
        MemorySegment operations = descriptors.postOperations();
        descriptors.appendRelu(operations);
        descriptors.setPostOperations(attributes, operations);
      }
      MemorySegment left = descriptors.memory(key.type, dnnl_ab(), key.m, key.k);
      MemorySegment right = descriptors.memory(key.type, dnnl_format_tag_any(), key.k, key.n);
      MemorySegment product = descriptors.memory(key.outType, dnnl_ab(), key.m, key.n);
      OneDnnPrimitive primitive =
          key.bias
              ? descriptors.matmul(
                  left,
                  right,
                  descriptors.memory(DType.F32, dnnl_ab(), 1, key.n),
                  product,
                  attributes,
                  DNNL_ARG_SRC(),
                  DNNL_ARG_WEIGHTS(),
                  DNNL_ARG_DST(),
                  DNNL_ARG_BIAS())
              : descriptors.matmul(left, right, product, attributes);
      int plainTag = key.weights == Weights.TRANSPOSED ? dnnl_ba() : dnnl_ab();
      WeightLayout layout =
          context.weightLayout(
              descriptors.memory(DType.F32, plainTag, key.k, key.n),
              primitive.descriptor(DNNL_ARG_WEIGHTS()));
      descriptors.keep();
      return new Plan(primitive, layout);
    }
  }

  @Override
  public void close() {
    sums.close();
    withWeights.close();
  }
}

package dev.cocoli.backend.cpu;

import static dev.cocoli.backend.cpu.OneDnnContext.check;
import static dev.cocoli.bindings.onednn.Dnnl.*;

import java.lang.foreign.MemorySegment;

/**
 * Products of row-major matrices. With AVX2 oneDNN's {@code sgemm} is a quarter faster than its
 * matmul primitive on the large products of a detector (78 against 59 GFLOP/s a core on {@code
 * fc6}) and needs no packed weights.
 */
final class OneDnnProducts implements AutoCloseable {
  private static final int CAPACITY = 128;

  private record Key(long k, long m, long n) {}

  private final OneDnnContext context;
  private final PlanCache<Key, OneDnnPrimitive> plans = new PlanCache<>(CAPACITY);

  OneDnnProducts(OneDnnContext context) {
    this.context = context;
  }

  /**
   * {@code c = a b}.
   *
   * @param a {@code [m,k]}
   * @param b {@code [k,n]}
   * @param c {@code [m,n]}
   */
  void times(MemorySegment a, MemorySegment b, MemorySegment c, long m, long k, long n) {
    check("dnnl_sgemm", dnnl_sgemm((byte) 'N', (byte) 'N', m, n, k, 1f, a, k, b, n, 0f, c, n));
  }

  /**
   * {@code c = a b^T}.
   *
   * @param a {@code [m,k]}
   * @param b {@code [n,k]}
   * @param c {@code [m,n]}
   */
  void timesTransposed(MemorySegment a, MemorySegment b, MemorySegment c, long m, long k, long n) {
    check("dnnl_sgemm", dnnl_sgemm((byte) 'N', (byte) 'T', m, n, k, 1f, a, k, b, k, 0f, c, n));
  }

  /**
   * {@code c += a^T b}.
   *
   * @param a {@code [k,m]}
   * @param b {@code [k,n]}
   * @param c {@code [m,n]}
   */
  void addTransposedTimes(
      MemorySegment a, MemorySegment b, MemorySegment c, long k, long m, long n) {
    // the one form where sgemm is the slower one: 38 against 55 GFLOP/s a core at 1024 x 256
    if (Math.max(m, n) >= 1024 && Math.min(m, n) <= 256 && Math.min(m, n) >= 128) {
      plans.get(new Key(k, m, n), this::describe).execute(a, b, c);
      return;
    }
    check("dnnl_sgemm", dnnl_sgemm((byte) 'T', (byte) 'N', m, n, k, 1f, a, m, b, n, 1f, c, n));
  }

  private OneDnnPrimitive describe(Key key) {
    try (Descriptors descriptors = new Descriptors(context)) {
      MemorySegment attributes = descriptors.attributes();
      MemorySegment operations = descriptors.postOperations();
      check(
          "dnnl_post_ops_append_sum",
          dnnl_post_ops_append_sum(operations, 1, 0, dnnl_data_type_undef()));
      check(
          "dnnl_primitive_attr_set_post_ops",
          dnnl_primitive_attr_set_post_ops(attributes, operations));
      check(
          "dnnl_matmul_primitive_desc_create",
          dnnl_matmul_primitive_desc_create(
              context.out(),
              context.engine(),
              descriptors.memory(dnnl_ba(), key.m, key.k),
              descriptors.memory(dnnl_ab(), key.k, key.n),
              MemorySegment.NULL,
              descriptors.memory(dnnl_ab(), key.m, key.n),
              attributes));
      return new OneDnnPrimitive(
          context, context.result(), DNNL_ARG_SRC(), DNNL_ARG_WEIGHTS(), DNNL_ARG_DST());
    }
  }

  @Override
  public void close() {
    plans.close();
  }
}

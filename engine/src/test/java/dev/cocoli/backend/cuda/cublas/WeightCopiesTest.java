package dev.cocoli.backend.cuda.cublas;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import dev.cocoli.backend.TensorScope;
import dev.cocoli.backend.cuda.CudaOnHost;
import dev.cocoli.backend.cuda.HostBackend;
import dev.cocoli.backend.cuda.kernels.ElementwiseKernels;
import dev.cocoli.backend.cuda.kernels.KernelCall;
import dev.cocoli.tensor.Buffer;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Shape;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.testing.Nvidia;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Copies of weights are right, kept while they are right, and freed. */
@Tag("slow")
class WeightCopiesTest {
  private HostBackend backend;
  private WeightCopies copies;
  private int allocations;
  private int freed;

  @BeforeEach
  void open() {
    if (!CudaOnHost.isPossible()) {
      Nvidia.skip("copies of weights: there is no C++ compiler to run the kernels on the host");
    }
    backend = (HostBackend) CudaOnHost.open();
    copies =
        new WeightCopies(
            new ElementwiseKernels(new KernelCall(backend.queue()), backend.pool()),
            backend.pool(),
            byteSize -> {
              allocations++;
              Buffer memory = backend.allocate(byteSize);
              return new Buffer(
                  memory.device(),
                  memory.segment(),
                  () -> {
                    freed++;
                    memory.close();
                  });
            });
  }

  @AfterEach
  void close() {
    if (backend != null) {
      copies.close();
      assertEquals(allocations, freed, "copies leaked");
      assertEquals(0, backend.pool().usedBytes(), "temporary copies leaked");
      backend.close();
    }
  }

  private Tensor parameter(float... values) {
    Buffer buffer = copies.remember(backend.allocate((long) values.length * Float.BYTES));
    Tensor tensor = new Tensor(buffer, 0, Shape.of(values.length / 2, 2), DType.F32);
    backend.transfers().upload(MemorySegment.ofArray(values), tensor);
    return tensor;
  }

  private Tensor scale(float... values) {
    Tensor tensor = parameter(values);
    return new Tensor(tensor.buffer(), 0, Shape.of(values.length), DType.F32);
  }

  private static float[] floats(WeightCopies.Lease lease) {
    return lease.tensor().segment().toArray(JAVA_FLOAT);
  }

  @Test
  void plainWeightsAreNotCopied() {
    Tensor weight = parameter(1, 2, 3, 4);
    try (WeightCopies.Lease lease = copies.take(weight, null, DType.F32)) {
      assertSame(weight, lease.tensor());
    }
    assertEquals(0, copies.size());
  }

  @Test
  void aScaleIsMultipliedIn() {
    Tensor weight = parameter(1, 2, 3, 4);
    Tensor scale = scale(10, 100);
    try (WeightCopies.Lease lease = copies.take(weight, scale, DType.F32)) {
      assertArrayEquals(new float[] {10, 20, 300, 400}, floats(lease));
    }
  }

  @Test
  void aCopyIsKeptWhileItsValuesAreAndWrittenAnewInPlace() {
    Tensor weight = parameter(1, 2, 3, 4);
    Tensor scale = scale(10, 100);
    MemorySegment first = copies.take(weight, scale, DType.F32).tensor().segment();
    // a write that nobody marks must not be seen: so the copy was not made again
    weight.segment().set(JAVA_FLOAT, 0, 7);
    assertArrayEquals(
        new float[] {10, 20, 300, 400}, floats(copies.take(weight, scale, DType.F32)));
    weight.buffer().markWritten();
    assertArrayEquals(
        new float[] {70, 20, 300, 400}, floats(copies.take(weight, scale, DType.F32)));
    scale.segment().set(JAVA_FLOAT, 0, 20);
    scale.buffer().markWritten();
    WeightCopies.Lease last = copies.take(weight, scale, DType.F32);
    assertArrayEquals(new float[] {140, 40, 300, 400}, floats(last));
    assertEquals(first.address(), last.tensor().segment().address());
    assertEquals(1, allocations);
  }

  @Test
  void eachTypeHasItsOwn() {
    Tensor weight = parameter(1, -2, 1.00390625f, 4); // the third lies between two of bf16
    try (WeightCopies.Lease lease = copies.take(weight, null, DType.BF16)) {
      assertArrayEquals(
          new short[] {0x3f80, (short) 0xc000, 0x3f80, 0x4080},
          lease.tensor().segment().toArray(JAVA_SHORT));
    }
    Tensor scale = scale(1, 1);
    try (WeightCopies.Lease lease = copies.take(weight, scale, DType.F32)) {
      assertEquals(DType.F32, lease.tensor().dtype());
    }
    assertEquals(2, copies.size());
  }

  private float first(Tensor weight, Tensor scale) {
    return floats(copies.take(weight, scale, DType.F32))[0];
  }

  /** As in a training step: all weights change together, and each layer asks for its own. */
  @Test
  void oneKernelWritesAllThatAreUsed() {
    int count = 130; // more than a kernel takes
    Tensor scale = scale(10, 100);
    Tensor all = parameter(new float[4 * count]);
    List<Tensor> weights =
        IntStream.range(0, count)
            .mapToObj(i -> all.view(16L * i, Shape.of(2, 2), DType.F32))
            .toList();
    weights.forEach(weight -> first(weight, scale));
    assertEquals(count, backend.launches("scale_rows_f32"));
    for (int step = 1; step <= 3; step++) {
      for (int i = 0; i < count; i++) {
        all.segment().setAtIndex(JAVA_FLOAT, 4L * i, step + i);
      }
      all.buffer().markWritten();
      for (int i = 0; i < count; i++) {
        assertEquals(
            10 * (step + i), first(weights.get(i), scale), "weight " + i + " in step " + step);
      }
      assertEquals(count + 2 * step, backend.launches("scale_rows_f32"));
    }
  }

  /** A layer that only one pass has used costs nothing in the steps after. */
  @Test
  void whatIsNotUsedIsNotWritten() {
    Tensor scale = scale(10, 100);
    Tensor all = parameter(1, 2, 3, 4, 5, 6, 7, 8);
    Tensor used = all.view(0, Shape.of(2, 2), DType.F32);
    Tensor unused = all.view(16, Shape.of(2, 2), DType.F32);
    first(used, scale);
    MemorySegment copy = copies.take(unused, scale, DType.F32).tensor().segment();
    for (int step = 0; step < 2; step++) {
      all.segment().setAtIndex(JAVA_FLOAT, 4, 9 + step);
      all.buffer().markWritten();
      first(used, scale);
      // used before the first step only
      assertEquals(90, copy.get(JAVA_FLOAT, 0), "after step " + step);
    }
    assertEquals(100, first(unused, scale));
  }

  @Test
  void whatLivesAStepIsCopiedForTheCall() {
    try (TensorScope scope = new TensorScope(backend.pool())) {
      Tensor weight = scope.allocate(DType.F32, 2, 2);
      weight.segment().copyFrom(MemorySegment.ofArray(new float[] {1, 2, 3, 4}));
      long used = backend.pool().usedBytes();
      try (WeightCopies.Lease lease = copies.take(weight, null, DType.BF16)) {
        assertEquals(DType.BF16, lease.tensor().dtype());
        assertNotEquals(used, backend.pool().usedBytes());
      }
      assertEquals(used, backend.pool().usedBytes());
    }
    assertEquals(0, copies.size());
  }

  @Test
  void copiesGoWithTheirBuffers() {
    Tensor weight = parameter(1, 2, 3, 4);
    Tensor scale = scale(10, 100);
    copies.take(weight, scale, DType.F32);
    copies.take(weight, null, DType.BF16);
    copies.forget(scale.buffer());
    assertEquals(1, copies.size());
    copies.forget(weight.buffer());
    assertEquals(0, copies.size());
    assertEquals(2, freed);
  }
}

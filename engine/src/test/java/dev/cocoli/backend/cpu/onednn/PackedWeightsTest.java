package dev.cocoli.backend.cpu.onednn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.cocoli.backend.BufferPool;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.backend.cpu.CpuBackend;
import dev.cocoli.backend.cpu.onednn.WinogradConvolution.Use;
import dev.cocoli.backend.spec.Conv2dSpec;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.testing.TestTensors;
import java.util.Arrays;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class PackedWeightsTest {
  private static final int CHANNELS = 64;

  /**
   * A layer that is trained holds no copy; one that detects holds one, and packs it twice at most.
   */
  @ParameterizedTest
  @EnumSource
  void copiesAreKeptFromTheSecondUseOfTheSameValuesOn(Use winograd) {
    try (CpuBackend backend = new CpuBackend(2, winograd);
        TestTensors tensors = new TestTensors(backend)) {
      Conv2dSpec spec = Conv2dSpec.of(3, 1, 1);
      float[] ones = new float[CHANNELS * CHANNELS * 9];
      Arrays.fill(ones, 1);
      Tensor weight = tensors.floats(ones, CHANNELS, 3, 3, CHANNELS);
      Tensor x = tensors.floats(Arrays.copyOf(ones, CHANNELS), 1, 1, 1, CHANNELS);
      Tensor y = tensors.floatOutput(1, 1, 1, CHANNELS);
      float[] expected = new float[CHANNELS];
      // direct sums of small integers are exact
      float tolerance = winograd == Use.WHEREVER_POSSIBLE ? 1e-3f : 0;
      backend.convolutions().conv2d(spec, x, weight, null, null, null, y);
      final long without = backend.liveBuffers();
      for (int update = 1; update <= 3; update++) {
        backend.copies().fill(weight, update);
        Arrays.fill(expected, update * CHANNELS);
        backend.convolutions().conv2d(spec, x, weight, null, null, null, y);
        assertArrayEquals(expected, tensors.floats(y), tolerance);
        assertEquals(without, backend.liveBuffers(), "after one use");
      }
      for (int use = 2; use <= 4; use++) {
        backend.convolutions().conv2d(spec, x, weight, null, null, null, y);
        assertArrayEquals(expected, tensors.floats(y), tolerance);
        assertEquals(without + 1, backend.liveBuffers(), "after use " + use);
      }
      backend.copies().fill(weight, 7);
      backend.convolutions().conv2d(spec, x, weight, null, null, null, y);
      assertEquals(7 * CHANNELS, tensors.floats(y)[0], tolerance);
      assertEquals(without, backend.liveBuffers(), "after an update");
    }
  }

  /** A detector packs each weight once; weights that are written after all are as any others. */
  @ParameterizedTest
  @EnumSource
  void copiesOfSettledWeightsAreKeptFromTheFirstUseOn(Use winograd) {
    try (CpuBackend backend = new CpuBackend(2, winograd);
        TestTensors tensors = new TestTensors(backend)) {
      Conv2dSpec spec = Conv2dSpec.of(3, 1, 1);
      float[] ones = new float[CHANNELS * CHANNELS * 9];
      Arrays.fill(ones, 1);
      Tensor weight = tensors.floats(ones, CHANNELS, 3, 3, CHANNELS);
      Tensor x = tensors.floats(Arrays.copyOf(ones, CHANNELS), 1, 1, 1, CHANNELS);
      Tensor y = tensors.floatOutput(1, 1, 1, CHANNELS);
      float[] expected = new float[CHANNELS];
      float tolerance = winograd == Use.WHEREVER_POSSIBLE ? 1e-3f : 0;
      backend.convolutions().conv2d(spec, x, weight, null, null, null, y);
      final long without = backend.liveBuffers();
      backend.copies().fill(weight, 2);
      weight.buffer().markSettled();
      Arrays.fill(expected, 2 * CHANNELS);
      for (int use = 1; use <= 3; use++) {
        backend.convolutions().conv2d(spec, x, weight, null, null, null, y);
        assertArrayEquals(expected, tensors.floats(y), tolerance);
        assertEquals(without + 1, backend.liveBuffers(), "after use " + use);
      }
      backend.copies().fill(weight, 7);
      backend.convolutions().conv2d(spec, x, weight, null, null, null, y);
      assertEquals(7 * CHANNELS, tensors.floats(y)[0], tolerance);
      assertEquals(without, backend.liveBuffers(), "after an update");
    }
  }

  /** Backends that share weights hold one copy of each, however many compute with it. */
  @Test
  void backendsBesideTheFirstShareItsCopies() throws Exception {
    FutureTask<Void> test = new FutureTask<>(PackedWeightsTest::shareCopies, null);
    new Thread(test).start(); // oneDNN's number of threads is that of the calling thread
    test.get();
  }

  private static void shareCopies() {
    try (CpuBackend first = CpuBackend.forCaller(1);
        TestTensors tensors = new TestTensors(first)) {
      Conv2dSpec spec = Conv2dSpec.of(3, 1, 1);
      float[] ones = new float[CHANNELS * CHANNELS * 9];
      Arrays.fill(ones, 1);
      Tensor weight = tensors.floats(ones, CHANNELS, 3, 3, CHANNELS);
      Tensor x = tensors.floats(Arrays.copyOf(ones, CHANNELS), 1, 1, 1, CHANNELS);
      final Tensor y = tensors.floatOutput(1, 1, 1, CHANNELS);
      first.convolutions().conv2d(spec, x, weight, null, null, null, y);
      first.convolutions().conv2d(spec, x, weight, null, null, null, y);
      float[] expected = new float[CHANNELS];
      Arrays.fill(expected, CHANNELS);
      long withOneCopy = first.liveBuffers();
      for (int other = 0; other < 2; other++) {
        Thread lane =
            new Thread(
                () -> {
                  try (CpuBackend beside = first.beside(1);
                      BufferPool pool = new BufferPool(beside::allocate);
                      TensorScope scope = new TensorScope(pool)) {
                    Tensor result = scope.allocate(DType.F32, 1, 1, 1, CHANNELS);
                    for (int use = 0; use < 3; use++) { // a copy of its own came with the second
                      beside.convolutions().conv2d(spec, x, weight, null, null, null, result);
                    }
                    y.segment().copyFrom(result.segment());
                  }
                });
        y.segment().fill((byte) 0);
        lane.start();
        try {
          lane.join();
        } catch (InterruptedException e) {
          throw new IllegalStateException(e);
        }
        assertArrayEquals(expected, tensors.floats(y));
        assertEquals(withOneCopy, first.liveBuffers());
      }
    }
  }
}

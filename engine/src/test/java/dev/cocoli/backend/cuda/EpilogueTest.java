package dev.cocoli.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.cocoli.backend.cuda.kernels.ElementwiseKernels;
import dev.cocoli.backend.cuda.kernels.KernelCall;
import dev.cocoli.backend.spec.Activation;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.testing.Bf16;
import dev.cocoli.testing.TestTensors;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What is left to do behind a library's convolution: in F32, rounded once. */
@Tag("slow")
class EpilogueTest {
  private static final int ROWS = 37;

  @ParameterizedTest
  @EnumSource(names = {"F32", "BF16"})
  void finishesEachChannel(DType dtype) {
    assumeTrue(CudaOnHost.isPossible(), "there is no C++ compiler");
    try (HostBackend backend = (HostBackend) CudaOnHost.open();
        TestTensors tensors = new TestTensors(backend)) {
      ElementwiseKernels kernels =
          new ElementwiseKernels(new KernelCall(backend.queue()), backend.pool());
      for (int channels : new int[] {1, 5, 8, 40}) {
        for (int tail = 0; tail < 16; tail++) {
          check(tensors, kernels, dtype, channels, tail);
        }
      }
    }
  }

  /** Few rows, and so many that blocks add up in two rounds. */
  @ParameterizedTest
  @EnumSource(names = {"F32", "BF16"})
  void addsTheSumsOfColumns(DType dtype) {
    assumeTrue(CudaOnHost.isPossible(), "there is no C++ compiler");
    try (HostBackend backend = (HostBackend) CudaOnHost.open();
        TestTensors tensors = new TestTensors(backend)) {
      ElementwiseKernels kernels =
          new ElementwiseKernels(new KernelCall(backend.queue()), backend.pool());
      for (int channels : new int[] {1, 5, 33, 264}) {
        for (int rows : new int[] {1, 37, channels == 33 ? 9001 : 300}) {
          Random random = new Random(rows);
          float[] x = values(random, dtype, rows * channels);
          float[] sums = values(random, DType.F32, channels);
          Tensor output = tensors.floats(sums.clone());
          kernels.addColumnSums(tensor(tensors, dtype, x, rows, channels), output);
          double[] expected = new double[channels];
          for (int i = 0; i < x.length; i++) {
            expected[i % channels] += x[i];
          }
          for (int c = 0; c < channels; c++) {
            sums[c] += (float) expected[c];
          }
          assertArrayEquals(sums, tensors.floats(output), 1e-4f, rows + " x " + channels);
        }
      }
    }
  }

  /** A gradient in the type of the activations is added in F32. */
  @ParameterizedTest
  @EnumSource(names = {"F32", "BF16"})
  void addsScaledRows(DType dtype) {
    assumeTrue(CudaOnHost.isPossible(), "there is no C++ compiler");
    try (HostBackend backend = (HostBackend) CudaOnHost.open();
        TestTensors tensors = new TestTensors(backend)) {
      ElementwiseKernels kernels =
          new ElementwiseKernels(new KernelCall(backend.queue()), backend.pool());
      for (boolean scaled : new boolean[] {false, true}) {
        Random random = new Random(7);
        int columns = 21;
        float[] x = values(random, dtype, ROWS * columns);
        float[] scale = values(random, DType.F32, ROWS);
        float[] sum = values(random, DType.F32, ROWS * columns);
        Tensor output = tensors.floats(sum.clone(), ROWS, columns);
        kernels.addScaledRows(
            tensor(tensors, dtype, x, ROWS, columns),
            scaled ? tensors.floats(scale) : null,
            output);
        for (int i = 0; i < sum.length; i++) {
          sum[i] += scaled ? x[i] * scale[i / columns] : x[i];
        }
        assertArrayEquals(sum, tensors.floats(output), "scaled: " + scaled);
      }
    }
  }

  private static void check(
      TestTensors tensors, ElementwiseKernels kernels, DType dtype, int channels, int tail) {
    Random random = new Random(channels);
    float[] y = values(random, dtype, ROWS * channels);
    float[] residual = values(random, dtype, ROWS * channels);
    float[] scale = values(random, DType.F32, channels);
    float[] shift = values(random, DType.F32, channels);
    Tensor output = tensor(tensors, dtype, y, ROWS, channels);
    kernels.epilogue(
        output,
        (tail & 1) == 0 ? null : tensors.floats(scale),
        (tail & 2) == 0 ? null : tensors.floats(shift),
        (tail & 4) == 0 ? null : tensor(tensors, dtype, residual, ROWS, channels),
        (tail & 8) == 0 ? Activation.NONE : Activation.RELU);
    for (int i = 0; i < y.length; i++) {
      y[i] *= (tail & 1) == 0 ? 1 : scale[i % channels];
      y[i] += (tail & 2) == 0 ? 0 : shift[i % channels];
      y[i] += (tail & 4) == 0 ? 0 : residual[i];
      y[i] = (tail & 8) == 0 || y[i] > 0 ? y[i] : 0;
    }
    float[] expected = dtype == DType.BF16 ? Bf16.round(y) : y;
    assertArrayEquals(expected, tensors.floats(output), channels + " channels, tail " + tail);
  }

  private static float[] values(Random random, DType dtype, int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return dtype == DType.BF16 ? Bf16.round(values) : values;
  }

  private static Tensor tensor(
      TestTensors tensors, DType dtype, float[] values, int rows, int channels) {
    return dtype == DType.BF16
        ? tensors.bfloats(values, rows, channels)
        : tensors.floats(values, rows, channels);
  }
}

package dev.cocoli.backend.cpu.onednn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.backend.BufferPool;
import dev.cocoli.backend.cpu.CpuBackend;
import dev.cocoli.backend.cpu.onednn.WinogradConvolution.Use;
import dev.cocoli.backend.spec.Activation;
import dev.cocoli.backend.spec.Conv2dSpec;
import dev.cocoli.bindings.NativeException;
import dev.cocoli.bindings.onednn.OpenMpSettings;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.testing.TestTensors;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import java.util.concurrent.locks.ReentrantLock;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the contract of convolutions leaves open: where, how exactly, and with how much memory. */
class WinogradConvolutionTest {
  private static final long SEED = 31;
  private static final Conv2dSpec SPEC = Conv2dSpec.of(3, 1, 1);

  private final Random random = new Random(SEED);

  /** Kernel, stride, padding, dilation, height, width, input and output channels. */
  @ParameterizedTest
  @CsvSource({
    "3,1,1,1, 44,47,128,128, 3",
    "3,1,1,1, 44,47,128,120, 0",
    "3,1,1,1, 44,47,64,128, 0",
    "3,1,1,1, 44,40,128,128, 0",
    "3,2,1,1, 88,94,128,128, 0",
    "3,1,2,2, 44,47,128,128, 0",
    "3,1,0,1, 46,49,128,128, 0",
    "1,1,0,1, 44,47,128,128, 0",
  })
  void theRuleLooksAtTheShape(
      int k, int s, int p, int d, int h, int w, int in, int out, int expected) {
    Conv2dSpec spec = new Conv2dSpec(k, s, p, d, Activation.NONE);
    try (CpuBackend backend = new CpuBackend(2, Use.WHERE_FASTER);
        TestTensors tensors = new TestTensors(backend)) {
      Tensor x = tensors.floatOutput(1, h, w, in);
      Tensor y = tensors.floatOutput(1, spec.outputExtent(h), spec.outputExtent(w), out);
      Tensor weight = tensors.floatOutput(out, k, k, in);
      backend.convolutions().conv2d(spec, x, weight, null, null, null, y);
      backend.convolutions().conv2dBackwardData(spec, y, weight, null, null, null, null, x);
      backend.convolutions().conv2dBackwardWeight(spec, x, y, null, weight, null);
      assertEquals(expected, backend.convolutions().winograd().count());
    }
  }

  @Test
  void thePropertyTurnsItOff() {
    String before = System.getProperty("cocoli.winograd");
    try {
      System.setProperty("cocoli.winograd", "false");
      assertEquals(Use.NEVER, Use.requested());
      System.setProperty("cocoli.winograd", "true");
      assertEquals(Use.WHERE_FASTER, Use.requested());
      System.setProperty("cocoli.winograd", "no");
      String message = assertThrows(IllegalArgumentException.class, Use::requested).getMessage();
      assertTrue(message.contains("cocoli.winograd is no"), message);
      System.clearProperty("cocoli.winograd");
      assertEquals(Use.WHERE_FASTER, Use.requested());
    } finally {
      System.clearProperty("cocoli.winograd");
      if (before != null) {
        System.setProperty("cocoli.winograd", before);
      }
    }
  }

  @Test
  void anyNumberOfThreadsComputesTheSameBits() {
    int height = 61;
    int width = 78;
    int in = 40;
    int out = 24;
    float[] x = gaussians(2 * height * width * in, 1);
    float[] weight = gaussians(out * 9 * in, 1);
    float[] dy = gaussians(2 * height * width * out, 1);
    float[][] first = null;
    for (int threads = 1; threads <= 5; threads++) {
      try (CpuBackend backend = new CpuBackend(threads, Use.WHEREVER_POSSIBLE);
          TestTensors tensors = new TestTensors(backend)) {
        Tensor y = tensors.floatOutput(2, height, width, out);
        Tensor dx = tensors.floatOutput(2, height, width, in);
        Tensor w = tensors.floats(weight, out, 3, 3, in);
        Tensor input = tensors.floats(x, 2, height, width, in);
        backend.convolutions().conv2d(SPEC, input, w, null, null, null, y);
        Tensor gradient = tensors.floats(dy, 2, height, width, out);
        backend.convolutions().conv2dBackwardData(SPEC, gradient, w, null, null, null, null, dx);
        float[][] now = {tensors.floats(y), tensors.floats(dx)};
        if (first == null) {
          first = now;
        }
        assertArrayEquals(first[0], now[0], 0f, threads + " threads, y");
        assertArrayEquals(first[1], now[1], 0f, threads + " threads, dx");
      }
    }
  }

  /** A primitive that was made before another one failed is closed: it gives its memory back. */
  @Test
  void whatCannotBeMadeLeavesNothing() {
    try (CpuBackend backend = new CpuBackend(1, Use.NEVER);
        BufferPool pool = new BufferPool(backend::allocate);
        OneDnnContext context =
            new OneDnnContext(OpenMpSettings.defaults(), pool, new ReentrantLock());
        Arena arena = Arena.ofConfined()) {
      MemorySegment memory = context.takeArgumentBlock();
      context.giveBackArgumentBlock(memory);
      MemorySegment matrix = arena.allocate(36 * 36 * Float.BYTES);
      var key = new WinogradBlock.Key(4, 8, -1, false, false, Activation.NONE);
      assertThrows(NativeException.class, () -> new WinogradBlock(context, key, matrix, matrix));
      assertEquals(memory, context.takeArgumentBlock());
    }
  }

  /** Blocks and scratch memory come from the pool, and plans do not grow with the sizes of maps. */
  @Test
  @Tag("slow")
  void memoryStaysFlatOverManySizes() {
    try (CpuBackend backend = new CpuBackend(2, Use.WHEREVER_POSSIBLE);
        TestTensors tensors = new TestTensors(backend)) {
      Tensor weight = tensors.floats(gaussians(8 * 9 * 8, 1), 8, 3, 3, 8);
      long live = 0;
      for (int size = 1; size <= 300; size++) {
        try (TestTensors maps = new TestTensors(backend)) {
          Tensor x = maps.floatOutput(1, size, size, 8);
          Tensor y = maps.floatOutput(1, size, size, 8);
          backend.convolutions().conv2d(SPEC, x, weight, null, null, null, y);
          backend.convolutions().conv2dBackwardData(SPEC, y, weight, null, null, null, null, x);
          backend.convolutions().conv2dBackwardWeight(SPEC, x, y, null, weight, null);
        }
        assertEquals(0, backend.pool().usedBytes(), "size " + size);
        if (size == 100) {
          live = backend.liveBuffers();
        }
      }
      assertEquals(live, backend.liveBuffers());
      int plans = backend.convolutions().planCount();
      assertTrue(plans <= 24, plans + " plans");
    }
  }

  /**
   * The error of each distinct 3x3 layer of ResNet-50-FPN with stride 1, on a small map, with the
   * weights that training starts from and an input after a ReLU; printed.
   */
  @ParameterizedTest
  @Tag("slow")
  @CsvSource({
    "layer1.*.conv2, 64",
    "layer2.*.conv2, 128",
    "layer3.*.conv2, 256",
    "layer4.*.conv2, 512",
    "fpn.layer_blocks.* and rpn.head.conv, 256"
  })
  void isNearlyAsExactAsTheDirectConvolution(String layer, int channels) {
    int height = 9;
    int width = 10;
    float[] x = gaussians(height * width * channels, 1);
    for (int i = 0; layer.startsWith("layer") && i < x.length; i++) {
      x[i] = Math.max(0, x[i]);
    }
    float[] weight = gaussians(channels * 9 * channels, Math.sqrt(2.0 / (9 * channels)));
    double[] exact = exact(x, weight, height, width, channels);
    double[] errors = new double[2];
    for (int path = 0; path < 2; path++) {
      Use use = path == 0 ? Use.NEVER : Use.WHEREVER_POSSIBLE;
      try (CpuBackend backend = new CpuBackend(2, use);
          TestTensors tensors = new TestTensors(backend)) {
        Tensor y = tensors.floatOutput(1, height, width, channels);
        Tensor input = tensors.floats(x, 1, height, width, channels);
        Tensor w = tensors.floats(weight, channels, 3, 3, channels);
        backend.convolutions().conv2d(SPEC, input, w, null, null, null, y);
        assertEquals(path, backend.convolutions().winograd().count());
        errors[path] = relativeError(exact, tensors.floats(y));
      }
    }
    System.out.printf(
        "%s: relative error of the direct convolution %.2g, of Winograd's %.2g%n",
        layer, errors[0], errors[1]);
    assertTrue(errors[0] > 0 && errors[0] < 1e-6, "direct: " + errors[0]);
    assertTrue(errors[1] < 2e-6, "Winograd's: " + errors[1]);
  }

  private static double[] exact(float[] x, float[] weight, int height, int width, int channels) {
    double[] y = new double[height * width * channels];
    for (int pixel = 0; pixel < height * width; pixel++) {
      for (int tap = 0; tap < 9; tap++) {
        int row = pixel / width + tap / 3 - 1;
        int column = pixel % width + tap % 3 - 1;
        if (row < 0 || row >= height || column < 0 || column >= width) {
          continue;
        }
        int from = (row * width + column) * channels;
        for (int o = 0; o < channels; o++) {
          double sum = 0;
          int at = (o * 9 + tap) * channels;
          for (int i = 0; i < channels; i++) {
            sum += (double) x[from + i] * weight[at + i];
          }
          y[pixel * channels + o] += sum;
        }
      }
    }
    return y;
  }

  private static double relativeError(double[] exact, float[] values) {
    double difference = 0;
    double norm = 0;
    for (int i = 0; i < exact.length; i++) {
      difference += (values[i] - exact[i]) * (values[i] - exact[i]);
      norm += exact[i] * exact[i];
    }
    return Math.sqrt(difference / norm);
  }

  private float[] gaussians(int count, double deviation) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) (deviation * random.nextGaussian());
    }
    return values;
  }
}

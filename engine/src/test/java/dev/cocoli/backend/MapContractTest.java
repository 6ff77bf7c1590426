package dev.cocoli.backend;

import static dev.cocoli.testing.Differences.assertClose;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.cocoli.backend.spec.Pool2dSpec;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Shape;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.testing.OracleFile;
import dev.cocoli.testing.TestTensors;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** What pooling, upsampling, sums and masks of maps owe on every backend. */
@ParameterizedClass
@MethodSource("dev.cocoli.testing.TestBackends#all")
@Tag("contract")
class MapContractTest {
  @Parameter Backend backend;
  private TestTensors tensors;

  @BeforeEach
  void open() {
    tensors = new TestTensors(backend);
  }

  @AfterEach
  void close() {
    tensors.close();
  }

  @ParameterizedTest
  @CsvSource({"max_pool2d,3,2,1", "max_pool2d.subsample,1,2,0"})
  void poolsAsTorchDoes(String name, int kernel, int stride, int padding) {
    OracleFile oracle = OracleFile.ops();
    Pool2dSpec spec = new Pool2dSpec(kernel, stride, padding);
    long[] in = oracle.shape(name + ".in.x");
    long[] out = oracle.shape(name + ".out.y");
    Tensor x = tensors.floats(oracle.channelsLast(name + ".in.x"), in[0], in[2], in[3], in[1]);
    Tensor y = tensors.floatOutput(out[0], out[2], out[3], out[1]);
    Tensor argmax = bytes(out[0], out[2], out[3], out[1]);
    backend.pooling().maxPool2d(spec, x, y, argmax);
    assertArrayEquals(oracle.channelsLast(name + ".out.y"), tensors.floats(y), name);
    Tensor dy = tensors.floats(oracle.channelsLast(name + ".seed"), y.shape().toArray());
    Tensor dx = tensors.floatOutput(x.shape().toArray());
    backend.pooling().maxPool2dBackward(spec, dy, argmax, dx);
    assertClose(oracle.channelsLast(name + ".grad.x"), tensors.floats(dx), 1e-6, name + " dx");
  }

  @ParameterizedTest
  @CsvSource({
    "3,2,1, 2,9,8,5",
    "3,2,1, 1,10,7,64",
    "2,2,0, 1,6,7,8",
    "1,2,0, 2,5,5,16",
    "3,1,1, 1,1,1,3",
    "5,3,2, 1,11,13,24",
    "15,4,7, 1,17,9,4",
    "2,3,1, 3,5,8,1"
  })
  void theFirstOfEqualWinners(int k, int s, int p, int n, int h, int w, int c) {
    Random random = new Random(41);
    float[] x = new float[n * h * w * c];
    for (int i = 0; i < x.length; i++) {
      // few values, negative ones too: many ties, and padding that must not win
      x[i] = -1 - random.nextInt(3);
    }
    Pool2dSpec spec = new Pool2dSpec(k, s, p);
    int oh = (int) spec.outputExtent(h);
    int ow = (int) spec.outputExtent(w);
    float[] y = new float[n * oh * ow * c];
    byte[] places = new byte[y.length];
    float[] dy = new float[y.length];
    float[] dx = new float[x.length];
    for (int i = 0; i < y.length; i++) {
      dy[i] = 1 + random.nextInt(8);
      int channel = i % c;
      int column = i / c % ow;
      int row = i / c / ow % oh;
      int image = i / c / ow / oh;
      y[i] = Float.NEGATIVE_INFINITY;
      int winner = -1;
      for (int t = 0; t < k * k; t++) {
        int r = row * s - p + t / k;
        int q = column * s - p + t % k;
        if (r >= 0 && r < h && q >= 0 && q < w) {
          int at = ((image * h + r) * w + q) * c + channel;
          if (x[at] > y[i]) {
            y[i] = x[at];
            places[i] = (byte) t;
            winner = at;
          }
        }
      }
      dx[winner] += dy[i];
    }
    Tensor input = tensors.floats(x, n, h, w, c);
    Tensor output = tensors.floatOutput(n, oh, ow, c);
    Tensor argmax = bytes(n, oh, ow, c);
    backend.pooling().maxPool2d(spec, input, output, argmax);
    assertArrayEquals(y, tensors.floats(output));
    assertArrayEquals(places, bytes(argmax));
    Tensor gradient = tensors.floatOutput(n, h, w, c);
    backend.pooling().maxPool2dBackward(spec, tensors.floats(dy, n, oh, ow, c), argmax, gradient);
    assertArrayEquals(dx, tensors.floats(gradient), 1e-5f);
    Tensor again = tensors.floatOutput(n, oh, ow, c);
    backend.pooling().maxPool2d(spec, input, again, null);
    assertArrayEquals(y, tensors.floats(again));
    // what begins between two pieces of 16 bytes
    Tensor shifted = tensors.floatOutput(y.length + 1).view(4, output.shape(), DType.F32);
    backend.pooling().maxPool2d(spec, input, shifted, argmax);
    assertArrayEquals(y, tensors.floats(shifted));
    assertArrayEquals(places, bytes(argmax));
    Tensor shiftedDx = tensors.floatOutput(x.length + 1).view(4, input.shape(), DType.F32);
    backend.pooling().maxPool2dBackward(spec, tensors.floats(dy, n, oh, ow, c), argmax, shiftedDx);
    assertArrayEquals(dx, tensors.floats(shiftedDx), 1e-5f);
  }

  @Test
  void poolsNoImages() {
    Pool2dSpec spec = new Pool2dSpec(3, 2, 1);
    Tensor x = tensors.floats(new float[0], 0, 8, 8, 4);
    Tensor y = tensors.floats(new float[0], 0, 4, 4, 4);
    Tensor argmax = bytes(0, 4, 4, 4);
    backend.pooling().maxPool2d(spec, x, y, argmax);
    backend.pooling().maxPool2dBackward(spec, y, argmax, x);
  }

  @Test
  void upsamplesAsTorchDoes() {
    OracleFile oracle = OracleFile.ops();
    Tensor x = tensors.floats(oracle.channelsLast("upsample_nearest.in.x"), 2, 7, 10, 4);
    Tensor y = tensors.floatOutput(2, 13, 20, 4);
    backend.upsampling().upsampleNearest(x, null, y);
    assertArrayEquals(oracle.channelsLast("upsample_nearest.out.y"), tensors.floats(y));
    Tensor dy = tensors.floats(oracle.channelsLast("upsample_nearest.seed"), 2, 13, 20, 4);
    Tensor dx = tensors.floatOutput(2, 7, 10, 4);
    backend.upsampling().upsampleNearestBackward(dy, null, dx);
    assertClose(
        oracle.channelsLast("upsample_nearest.grad.x"), tensors.floats(dx), 1e-5, "gradient");
  }

  @ParameterizedTest
  @CsvSource({
    "3,5,7,9, 6",
    "4,4,4,4, 6",
    "13,17,25,34, 6",
    "1,1,5,3, 6",
    "5,6,3,2, 6",
    "25,34,50,67, 6",
    "25,34,50,67, 8",
    "5,6,3,2, 4"
  })
  void upsamplingAddsAndItsGradientSums(int h, int w, int height, int width, int c) {
    Random random = new Random(43);
    float[] x = gaussians(random, 2 * h * w * c);
    float[] other = gaussians(random, 2 * height * width * c);
    float[] dy = gaussians(random, other.length);
    float[] sum = new float[other.length];
    float[] copied = new float[other.length];
    double[] dx = new double[x.length];
    for (int i = 0; i < other.length; i++) {
      int column = i / c % width * w / width;
      int row = i / c / width % height * h / height;
      int source = ((i / c / width / height * h + row) * w + column) * c + i % c;
      copied[i] = x[source];
      sum[i] = x[source] + other[i];
      dx[source] += dy[i];
    }
    Tensor small = tensors.floats(x, 2, h, w, c);
    Tensor large = tensors.floatOutput(2, height, width, c);
    backend.upsampling().upsampleNearest(small, null, large);
    assertArrayEquals(copied, tensors.floats(large));
    Tensor addend = tensors.floats(other, 2, height, width, c);
    backend.upsampling().upsampleNearest(small, addend, large);
    assertArrayEquals(sum, tensors.floats(large));
    backend.upsampling().upsampleNearest(small, addend, addend);
    assertArrayEquals(sum, tensors.floats(addend), "in place");
    Tensor gradient = tensors.floatOutput(2, h, w, c);
    Tensor slopes = tensors.floats(dy, 2, height, width, c);
    backend.upsampling().upsampleNearestBackward(slopes, null, gradient);
    float[] expected = new float[dx.length];
    float[] added = new float[dx.length];
    for (int i = 0; i < dx.length; i++) {
      expected[i] = (float) dx[i];
      added[i] = (float) (dx[i] + x[i]);
    }
    assertClose(expected, tensors.floats(gradient), 1e-5, "gradient");
    backend.upsampling().upsampleNearestBackward(slopes, small, gradient);
    assertClose(added, tensors.floats(gradient), 1e-5, "added to another");
    backend.upsampling().upsampleNearestBackward(slopes, small, small);
    assertClose(added, tensors.floats(small), 1e-5, "added in place");
  }

  @ParameterizedTest
  @CsvSource({"0", "1", "7", "2048", "70001"})
  void addsAndMasksElementByElement(int count) {
    Random random = new Random(47);
    float[] a = gaussians(random, count);
    float[] b = gaussians(random, count);
    float[] sum = new float[count];
    float[] masked = new float[count];
    for (int i = 0; i < count; i++) {
      a[i] = i % 5 == 0 ? 0 : a[i];
      sum[i] = a[i] + b[i];
      masked[i] = a[i] > 0 ? b[i] : 0;
    }
    final Tensor ta = tensors.floats(a, count);
    final Tensor tb = tensors.floats(b, count);
    Tensor y = tensors.floatOutput(count);
    backend.elementwise().add(ta, tb, y);
    assertArrayEquals(sum, tensors.floats(y));
    Tensor dy = tensors.floats(b, count);
    backend.elementwise().reluBackward(ta, dy);
    assertArrayEquals(masked, tensors.floats(dy), 0f, "either sign of 0");
    backend.elementwise().add(ta, tb, ta);
    assertArrayEquals(sum, tensors.floats(ta), "in place");
  }

  private Tensor bytes(long... dims) {
    return tensors.bytes(new byte[(int) Shape.of(dims).elementCount()], dims);
  }

  private byte[] bytes(Tensor tensor) {
    assertEquals(DType.U8, tensor.dtype());
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment host = arena.allocate(tensor.byteSize());
      backend.transfers().download(tensor, host);
      return host.toArray(ValueLayout.JAVA_BYTE);
    }
  }

  private static float[] gaussians(Random random, int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }
}

package dev.cocoli.backend.cpu.onednn;

import static dev.cocoli.testing.Differences.relativeNorm;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.BufferPool;
import dev.cocoli.backend.cpu.Workers;
import dev.cocoli.backend.cpu.loops.ElementwiseLoops;
import dev.cocoli.backend.spec.Activation;
import dev.cocoli.backend.spec.Conv2dSpec;
import dev.cocoli.bindings.onednn.OpenMpSettings;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.testing.TestBackends;
import dev.cocoli.testing.TestTensors;
import java.util.Random;
import java.util.concurrent.locks.ReentrantLock;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A processor picks one of two methods; here both run on whichever there is. */
class OneDnnWeightGradientTest {

  @ParameterizedTest
  @CsvSource({
    "3,1,1,1, 2,19,23,16,24",
    "3,2,1,1, 1,18,11,8,16",
    "7,2,3,1, 1,33,40,3,16",
    "3,1,2,2, 1,9,8,5,7",
    "1,2,0,1, 2,9,8,16,8"
  })
  void bothMethodsAgree(int k, int s, int p, int d, int n, int h, int w, int i, int o) {
    long seed = 67;
    Random random = new Random(seed);
    Conv2dSpec spec = new Conv2dSpec(k, s, p, d, Activation.NONE);
    long oh = spec.outputExtent(h);
    long ow = spec.outputExtent(w);
    try (Backend backend = TestBackends.cpu(2);
        TestTensors tensors = new TestTensors(backend);
        BufferPool pool = new BufferPool(backend::allocate);
        Workers workers = new Workers(2);
        OneDnnContext context =
            new OneDnnContext(OpenMpSettings.defaults(), pool, new ReentrantLock());
        PackedWeights packed =
            new PackedWeights(context, new ElementwiseLoops(workers), backend::allocate);
        OneDnnMatmul matmul = new OneDnnMatmul(context, packed)) {
      Tensor x = tensors.floats(gaussians(random, n * h * w * i), n, h, w, i);
      Tensor dy = tensors.floats(gaussians(random, (int) (n * oh * ow * o)), n, oh, ow, o);
      float[] start = gaussians(random, o * k * k * i);
      Tensor scale = tensors.floats(gaussians(random, o));
      for (Tensor theScale : new Tensor[] {null, scale}) {
        float[][] results = new float[2][];
        for (var method : OneDnnWeightGradient.Method.values()) {
          Tensor dWeight = tensors.floats(start, o, k, k, i);
          ElementwiseLoops loops = new ElementwiseLoops(workers);
          var gradient =
              new OneDnnWeightGradient(context, matmul, new WindowLoops(workers), method);
          var winograd = new WinogradConvolution(context, workers, WinogradConvolution.Use.NEVER);
          try (var maps = new OneDnnElementwise(context);
              var convolution =
                  new OneDnnConvolution(context, packed, winograd, gradient, loops, maps)) {
            convolution.conv2dBackwardWeight(spec, x, dy, theScale, dWeight, null);
          }
          results[method.ordinal()] = tensors.floats(dWeight);
        }
        double difference = relativeNorm(results[0], results[1]);
        assertTrue(difference < 1e-6, "seed " + seed + ": they differ by " + difference);
      }
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

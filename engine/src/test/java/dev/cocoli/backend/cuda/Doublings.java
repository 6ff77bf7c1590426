package dev.cocoli.backend.cuda;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.CapturedRegion;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.backend.cuda.graphs.CapturedRegions;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Shape;
import dev.cocoli.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Regions that double a tensor, and their inputs and results. */
final class Doublings {
  private Doublings() {}

  /** Sums of a tensor with itself, so many times, on fresh memory each. */
  static CapturedRegion doublings(Backend backend, int times) {
    return (scope, input) -> {
      Tensor x = input;
      for (int i = 0; i < times; i++) {
        Tensor y = scope.allocate(x.dtype(), x.shape());
        backend.elementwise().add(x, x, y);
        scope.release(x);
        x = y;
      }
      return List.of(x);
    };
  }

  static float[] download(Backend backend, Tensor tensor) {
    float[] values = new float[(int) tensor.elementCount()];
    backend.transfers().download(tensor, MemorySegment.ofArray(values));
    return values;
  }

  static Tensor filled(Backend backend, TensorScope scope, long elements, float value) {
    Tensor x = scope.allocate(DType.F32, elements);
    backend.copies().fill(x, value);
    return x;
  }

  static CapturedRegion.Key key(String owner, long elements) {
    return new CapturedRegion.Key(owner, Shape.of(elements), DType.F32);
  }

  static void expect(Backend backend, List<Tensor> results, float value, String what) {
    float[] values = download(backend, results.getFirst());
    for (int i = 0; i < values.length; i++) {
      if (values[i] != value) {
        throw new IllegalStateException(what + ": element " + i + " is " + values[i]);
      }
    }
  }

  static List<Tensor> run(
      Backend backend, String owner, CapturedRegion region, TensorScope scope, Tensor x) {
    return backend.replays().run(key(owner, x.elementCount()), region, scope, x);
  }

  /** Runs a region as often as it runs call by call. */
  static void warmUp(Backend backend, String owner, long elements, CapturedRegion region) {
    for (int i = 0; i < CapturedRegions.PLAIN_USES; i++) {
      try (TensorScope scope = new TensorScope(backend.pool())) {
        run(backend, owner, region, scope, filled(backend, scope, elements, i));
      }
    }
  }
}

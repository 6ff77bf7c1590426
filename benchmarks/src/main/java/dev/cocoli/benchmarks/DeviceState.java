package dev.cocoli.benchmarks;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Precision;
import dev.cocoli.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** The backend that a benchmark runs on, and the scope of its tensors. */
@State(Scope.Thread)
public class DeviceState {
  /** The device: {@code cpu}, {@code cuda}, {@code cuda:1}. */
  @Param("cpu")
  public String device;

  /** The precision: {@code fp32}, {@code bf16}. */
  @Param("fp32")
  public String precision;

  private Backend backend;
  private TensorScope scope;
  private SplittableRandom random;

  /** Opens the backend. */
  @Setup
  public void open() {
    backend = Backends.open(Backends.device(device));
    backend.require(precision());
    scope = new TensorScope(backend.pool());
    random = new SplittableRandom(7);
  }

  /** Reports the size of the pool to the profiler. */
  @TearDown(Level.Iteration)
  public void report() {
    NativeMemoryProfiler.see(backend.pool());
  }

  /** Closes the backend. */
  @TearDown
  public void close() {
    scope.close();
    backend.close();
  }

  Precision precision() {
    return Precision.parse(precision);
  }

  Backend backend() {
    return backend;
  }

  SplittableRandom random() {
    return random;
  }

  /** A tensor of random numbers between -0.5 and 0.5. */
  Tensor uniform(long... dims) {
    Tensor tensor = empty(dims);
    float[] values = new float[Math.toIntExact(tensor.elementCount())];
    for (int i = 0; i < values.length; i++) {
      values[i] = random.nextFloat() - 0.5f;
    }
    backend.transfers().upload(values, tensor);
    return tensor;
  }

  /** A tensor of random numbers between -0.5 and 0.5, of the type of activations. */
  Tensor activation(long... dims) {
    Tensor exact = uniform(dims);
    if (precision() == Precision.FP32) {
      return exact;
    }
    Tensor rounded = scope.allocate(precision().activations(), dims);
    backend.copies().cast(exact, rounded);
    return rounded;
  }

  /** A tensor of the given numbers. */
  Tensor of(float[] values, long... dims) {
    Tensor tensor = empty(dims);
    backend.transfers().upload(values, tensor);
    return tensor;
  }

  /** A tensor of the given numbers. */
  Tensor of(int[] values, long... dims) {
    Tensor tensor = scope.allocate(DType.I32, dims);
    backend.transfers().upload(MemorySegment.ofArray(values), tensor);
    return tensor;
  }

  /** A tensor of zeros. */
  Tensor empty(long... dims) {
    Tensor tensor = scope.allocate(DType.F32, dims);
    backend.copies().fill(tensor, 0);
    return tensor;
  }

  /** A tensor of undefined elements. */
  Tensor empty(DType dtype, long... dims) {
    return scope.allocate(dtype, dims);
  }

  /**
   * Boxes {@code [1, count, 4]} with sides of 16 to 400 pixels, like those of an image.
   *
   * @param count the number of boxes
   * @param height the height of the image
   * @param width the width of the image
   */
  Tensor boxes(int count, long height, long width) {
    float[] values = new float[4 * count];
    for (int i = 0; i < count; i++) {
      float w = (float) (16 * Math.pow(25, random.nextDouble()));
      float h = Math.min(height, w * (0.5f + random.nextFloat()));
      values[4 * i] = random.nextFloat() * (width - w);
      values[4 * i + 1] = random.nextFloat() * (height - h);
      values[4 * i + 2] = values[4 * i] + w;
      values[4 * i + 3] = values[4 * i + 1] + h;
    }
    return of(values, 1, count, 4);
  }
}

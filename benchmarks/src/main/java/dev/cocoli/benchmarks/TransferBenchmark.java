package dev.cocoli.benchmarks;

import dev.cocoli.backend.Backend;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** Measures copies from host to device and back. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@State(Scope.Thread)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class TransferBenchmark {
  /** The number of bytes: a small result, an image of 800 x 1088, a map of 200 x 272 x 256. */
  @Param({"4096", "2611200", "55705600"})
  public long bytes;

  private Backend backend;
  private Arena arena;
  private MemorySegment host;
  private Tensor tensor;

  /**
   * Allocates the memory.
   *
   * @param state the device
   */
  @Setup
  public void setUp(DeviceState state) {
    backend = state.backend();
    arena = Arena.ofConfined();
    host = arena.allocate(bytes);
    tensor = state.empty(DType.U8, bytes);
  }

  /** Frees the host's memory. */
  @TearDown
  public void tearDown() {
    arena.close();
  }

  /** Copies to the device. */
  @Benchmark
  public void upload() {
    backend.transfers().upload(host, tensor);
    backend.transfers().synchronize();
  }

  /** Copies from the device. */
  @Benchmark
  public void download() {
    backend.transfers().download(tensor, host);
  }
}

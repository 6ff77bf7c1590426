package dev.cocoli.benchmarks;

import dev.cocoli.bindings.NvidiaLibraries;
import dev.cocoli.bindings.NvidiaLibrary;
import dev.cocoli.bindings.cudart.CudaRuntime;
import dev.cocoli.bindings.status.CudaStatus;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;
import org.bytedeco.cuda.global.cudart;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Measures a call into the CUDA runtime: {@code cudaStreamQuery} of the default stream, through our
 * bindings and through JavaCPP's JNI. Without a GPU, {@link RunBenchmarks} leaves it out and says
 * so.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@State(Scope.Thread)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class CudaCallBenchmark {
  /** Loads the runtime and creates a context. */
  @Setup
  public void load() {
    NvidiaLibraries.load(NvidiaLibrary.CUDA_RUNTIME);
    // JavaCPP's code finds the library by its name among the loaded ones
    CudaStatus.check("cudaSetDevice", CudaRuntime.cudaSetDevice(0));
    CudaStatus.check("cudaStreamQuery", CudaRuntime.cudaStreamQuery(MemorySegment.NULL));
  }

  /** {@return the status, through the Foreign Function &amp; Memory API} */
  @Benchmark
  public int ffm() {
    return CudaRuntime.cudaStreamQuery(MemorySegment.NULL);
  }

  /** {@return the status, through JNI} */
  @Benchmark
  public int jni() {
    return cudart.cudaStreamQuery(null);
  }
}

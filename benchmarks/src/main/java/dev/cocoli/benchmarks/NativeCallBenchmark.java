package dev.cocoli.benchmarks;

import dev.cocoli.bindings.onednn.Dnnl;
import dev.cocoli.bindings.onednn.OneDnn;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;
import org.bytedeco.dnnl.dnnl_version_t;
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
 * Measures a call into a native library: {@code dnnl_version()}, which returns the address of a
 * constant, through our bindings and through JavaCPP's JNI.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(3)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class NativeCallBenchmark {
  /** Loads oneDNN for our bindings. */
  @State(Scope.Benchmark)
  public static class Ffm {
    /** Loads it. */
    @Setup
    public void load() {
      OneDnn.load();
    }
  }

  /** Loads oneDNN for JavaCPP. */
  @State(Scope.Benchmark)
  public static class Jni {
    /** Loads it. */
    @Setup
    public void load() {
      org.bytedeco.dnnl.global.dnnl.dnnl_version();
    }
  }

  /**
   * {@return the version, through the Foreign Function &amp; Memory API}
   *
   * @param loaded the library
   */
  @Benchmark
  public MemorySegment ffm(Ffm loaded) {
    return Dnnl.dnnl_version();
  }

  /**
   * {@return the version, through JNI}
   *
   * @param loaded the library
   */
  @Benchmark
  public dnnl_version_t jni(Jni loaded) {
    return org.bytedeco.dnnl.global.dnnl.dnnl_version();
  }
}

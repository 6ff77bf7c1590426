package dev.cocoli.benchmarks;

import dev.cocoli.backend.BufferPool;
import dev.cocoli.benchmarks.compare.ProcessMemory;
import java.util.Collection;
import java.util.List;
import org.openjdk.jmh.infra.BenchmarkParams;
import org.openjdk.jmh.infra.IterationParams;
import org.openjdk.jmh.profile.InternalProfiler;
import org.openjdk.jmh.results.AggregationPolicy;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.ScalarResult;

/**
 * Reports the native memory of a benchmark beside its time: the size of the pool of tensors, and
 * the peak size of the process. JMH's {@code gc} profiler reports heap allocations. (JMH's
 * auxiliary counters are not used, because they would be added up over the iterations.)
 */
public final class NativeMemoryProfiler implements InternalProfiler {
  private static volatile long poolReservedBytes;
  private static volatile long poolPeakBytes;
  private static volatile long laneBytes;

  /** Records the size of a pool before the benchmark closes it. */
  static void see(BufferPool pool) {
    poolReservedBytes = pool.reservedBytes();
    poolPeakBytes = pool.peakUsedBytes();
  }

  /** Records what each call that runs beside the first one adds. */
  static void seeLane(long bytes) {
    laneBytes = bytes;
  }

  @Override
  public String getDescription() {
    return "native memory: the tensors' pool, a lane of a detector, and the process's peak";
  }

  @Override
  public void beforeIteration(BenchmarkParams benchmark, IterationParams iteration) {}

  @Override
  public Collection<? extends Result<?>> afterIteration(
      BenchmarkParams benchmark, IterationParams iteration, IterationResult result) {
    return List.of(
        megabytes("native.pool.reserved", poolReservedBytes),
        megabytes("native.pool.peak", poolPeakBytes),
        megabytes("native.lane", laneBytes),
        megabytes("native.process.peak", ProcessMemory.peakBytes()));
  }

  private static ScalarResult megabytes(String name, long bytes) {
    return new ScalarResult(name, bytes / 1e6, "MB", AggregationPolicy.MAX);
  }
}

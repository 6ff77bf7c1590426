package dev.cocoli.benchmarks;

import dev.cocoli.backend.Backend;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/**
 * What a benchmark holds outside the Java heap when an iteration ends, beside its time: the pool
 * that tensors come from, and the largest the process has been. What it allocates on the heap is
 * told by JMH's {@code gc} profiler.
 */
@State(Scope.Thread)
@AuxCounters(AuxCounters.Type.EVENTS)
public class NativeMemory {
  private Backend backend;

  /**
   * Looks at a backend.
   *
   * @param state has it
   */
  @Setup
  public void watch(DeviceState state) {
    backend = state.backend();
  }

  /** {@return the megabytes that the pool holds from the device} */
  public double poolReservedMb() {
    return backend == null ? 0 : backend.pool().reservedBytes() / 1e6;
  }

  /** {@return the megabytes that were handed out at once at most} */
  public double poolPeakMb() {
    return backend == null ? 0 : backend.pool().peakUsedBytes() / 1e6;
  }

  /** {@return the peak of the process's resident megabytes; 0 where the system does not tell} */
  public double processPeakMb() {
    return ProcessMemory.peakBytes() / 1e6;
  }
}

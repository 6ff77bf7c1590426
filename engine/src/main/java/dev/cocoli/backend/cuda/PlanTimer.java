package dev.cocoli.backend.cuda;

import dev.cocoli.backend.Closing;
import dev.cocoli.backend.DeviceMemoryException;
import dev.cocoli.backend.cuda.kernels.Kernel;
import dev.cocoli.backend.cuda.kernels.KernelCall;
import dev.cocoli.bindings.NativeException;
import java.lang.foreign.MemorySegment;

/**
 * Times what is queued on the compute stream, to choose the fastest of several. A kernel that only
 * takes time goes first, so that the host has queued all runs when the first begins: otherwise
 * short kernels seem as slow as the calls that queue them.
 */
public final class PlanTimer implements AutoCloseable {
  /** A step of training uses a shared layer five times; a lasting size comes more often. */
  public static final int TIMED_AT_USE = 8;

  private static final Kernel HOLD_UP = new Kernel("memory", "hold_up");

  /** Cycles in which the host surely queues one run: 25 microseconds at 1.6 GHz. */
  private static final long CYCLES_A_RUN = 40_000;

  /** Runs that are timed at once, if they are short. */
  private static final int MOST_RUNS = 10;

  /** So many times; the shortest counts, because whatever disturbs a run makes it longer. */
  private static final int REPETITIONS = 3;

  /** Runs that take so long together are enough, and one that does is timed once. */
  private static final float ENOUGH_MILLISECONDS = 2;

  /** What is so many times as slow in its first run is not timed any more. */
  private static final float HOPELESS = 1.5f;

  private final KernelCall call;
  private final MemorySegment stream;
  private final CudaEvent start = CudaEvent.forTiming();
  private final CudaEvent end = CudaEvent.forTiming();

  /** Makes a timer for a device's compute stream. */
  public PlanTimer(CudaContext context) {
    call = new KernelCall(context.queue());
    stream = context.device().computeStream();
  }

  /**
   * Returns the milliseconds of a run; infinity if it cannot run.
   *
   * @param run queues it
   * @param best the milliseconds of the best so far
   */
  public float milliseconds(Runnable run, float best) {
    try {
      return timed(run, best);
    } catch (DeviceMemoryException | NativeException e) {
      // its workspace does not fit, or it cannot run after all: if the device is broken, the next
      // call says so
      return Float.POSITIVE_INFINITY;
    }
  }

  private float timed(Runnable run, float best) {
    run.run(); // the first run loads code
    float shortest = measure(run, 1);
    if (shortest > HOPELESS * best || shortest >= ENOUGH_MILLISECONDS) {
      return shortest;
    }
    int runs = (int) Math.clamp(ENOUGH_MILLISECONDS / shortest, 1, MOST_RUNS);
    for (int i = 0; i < REPETITIONS; i++) {
      shortest = Math.min(shortest, measure(run, runs));
    }
    return shortest;
  }

  private float measure(Runnable run, int runs) {
    call.of(HOLD_UP).i64(CYCLES_A_RUN * (runs + 1)).blocks(1, 1);
    start.record(stream);
    for (int i = 0; i < runs; i++) {
      run.run();
    }
    end.record(stream);
    end.await();
    return end.millisecondsSince(start) / runs;
  }

  @Override
  public void close() {
    Closing.all(start, end);
  }
}

package dev.cocoli.bindings;

import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * How OpenMP, which runs oneDNN's loops, is set up when it is loaded; later changes have no effect.
 * What the user has already set in the environment wins over each field.
 *
 * <p>OpenMP keeps a pool of workers for each thread that calls it, so that oneDNN should be called
 * from one and the same platform thread.
 *
 * @param threads the workers of a pool ({@code OMP_NUM_THREADS})
 * @param waitPolicy what a worker without work does ({@code OMP_WAIT_POLICY})
 * @param spinCount how many rounds a worker spins before it sleeps ({@code GOMP_SPINCOUNT})
 */
public record OpenMpSettings(OptionalInt threads, WaitPolicy waitPolicy, OptionalLong spinCount) {

  /** What a worker does between two parallel loops. */
  public enum WaitPolicy {
    /** The OpenMP library's choice: spins for a few milliseconds, then sleeps. */
    UNSET,
    /** Spins: quick to start the next loop, but takes the core from everyone else. */
    ACTIVE,
    /** Sleeps: leaves the core to Java's threads at once. */
    PASSIVE
  }

  /**
   * Checks the fields.
   *
   * @throws IllegalArgumentException when the number of threads is below one or the count negative
   */
  public OpenMpSettings {
    Objects.requireNonNull(waitPolicy, "waitPolicy");
    if (threads.isPresent() && threads.getAsInt() < 1) {
      throw new IllegalArgumentException("OpenMP needs a thread, not " + threads.getAsInt());
    }
    if (spinCount.isPresent() && spinCount.getAsLong() < 0) {
      throw new IllegalArgumentException("A negative spin count: " + spinCount.getAsLong());
    }
  }

  /**
   * As many workers as the JVM has processors (which heeds a container's quota, as OpenMP does
   * not), everything else as the OpenMP library has it.
   *
   * @return the settings that {@link OneDnn#load()} uses
   */
  public static OpenMpSettings defaults() {
    return new OpenMpSettings(
        OptionalInt.of(Runtime.getRuntime().availableProcessors()),
        WaitPolicy.UNSET,
        OptionalLong.empty());
  }

  /** Puts them into the process's environment until that is closed, for who is not set there. */
  ProcessEnvironment apply() {
    Map<String, String> variables = new HashMap<>();
    threads.ifPresent(n -> variables.put("OMP_NUM_THREADS", String.valueOf(n)));
    if (waitPolicy != WaitPolicy.UNSET) {
      variables.put("OMP_WAIT_POLICY", waitPolicy.name());
    }
    spinCount.ifPresent(n -> variables.put("GOMP_SPINCOUNT", String.valueOf(n)));
    return new ProcessEnvironment(variables);
  }
}

package dev.cocoli.bindings.onednn;

import dev.cocoli.bindings.access.ProcessEnvironment;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * The settings of OpenMP, which runs oneDNN's loops. They apply when OpenMP is loaded; later
 * changes have no effect. A variable that the user has set in the environment overrides the field.
 *
 * <p>OpenMP keeps a pool of workers for each thread that calls it; therefore oneDNN should always
 * be called from the same platform thread.
 *
 * @param threads the number of workers of a pool ({@code OMP_NUM_THREADS})
 * @param waitPolicy what a worker without work does ({@code OMP_WAIT_POLICY})
 * @param spinCount the number of rounds that a worker spins before it sleeps ({@code
 *     GOMP_SPINCOUNT})
 */
public record OpenMpSettings(OptionalInt threads, WaitPolicy waitPolicy, OptionalLong spinCount) {

  /** The behaviour of a worker between two parallel loops. */
  public enum WaitPolicy {
    /** The OpenMP library's default: spins for a few milliseconds, then sleeps. */
    UNSET,
    /** Spins: starts the next loop quickly, but keeps the core busy. */
    ACTIVE,
    /** Sleeps: leaves the core to Java's threads at once. */
    PASSIVE
  }

  /**
   * Checks the fields.
   *
   * @throws IllegalArgumentException if the number of threads is below one or the count is negative
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
   * Returns the default settings: as many workers as the JVM has processors (the JVM respects a
   * container's quota, OpenMP does not), everything else as in the OpenMP library.
   *
   * @return the settings that {@link OneDnn#load()} uses
   */
  public static OpenMpSettings defaults() {
    return new OpenMpSettings(
        OptionalInt.of(Runtime.getRuntime().availableProcessors()),
        WaitPolicy.UNSET,
        OptionalLong.empty());
  }

  /**
   * Sets the variables that are not set yet in the process's environment, until the result is
   * closed.
   */
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

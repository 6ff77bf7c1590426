package dev.cocoli.bindings;

import java.util.Map;

/**
 * Variables by which NCCL is set up. It reads each of them once, at the latest with the process's
 * first communicator, which it makes on threads of its own; so they stay in the environment. What
 * the user has set there wins.
 */
public final class NcclSettings {
  private static Map<String, String> applied;

  private NcclSettings() {}

  /**
   * Sets variables of the process, once. C's environment is not safe against threads that read it
   * at the same time: this belongs before the first communicator.
   *
   * @param variables names and values
   * @throws IllegalStateException when NCCL was set up otherwise before
   */
  public static synchronized void apply(Map<String, String> variables) {
    if (applied == null) {
      // not closed: see above
      new ProcessEnvironment(variables);
      applied = Map.copyOf(variables);
    } else if (!applied.equals(variables)) {
      throw new IllegalStateException(
          "NCCL reads its settings once a process; they are "
              + applied
              + " and cannot become "
              + variables);
    }
  }
}

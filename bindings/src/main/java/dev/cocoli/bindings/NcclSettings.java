package dev.cocoli.bindings;

import dev.cocoli.bindings.access.ProcessEnvironment;
import java.util.Map;

/**
 * Sets the environment variables that configure NCCL. NCCL reads each variable once, at the latest
 * when the process creates its first communicator, and it does so on threads of its own; therefore
 * the variables stay set. A variable that the user has set keeps its value.
 */
public final class NcclSettings {
  private static Map<String, String> applied;

  private NcclSettings() {}

  /**
   * Sets variables of the process, once. Other threads must not read C's environment at the same
   * time; therefore this is called before the first communicator is created.
   *
   * @param variables names and values
   * @throws IllegalStateException if other values were applied before
   */
  public static synchronized void apply(Map<String, String> variables) {
    if (applied == null) {
      // not closed, because the variables must stay set
      new ProcessEnvironment(variables);
      applied = Map.copyOf(variables);
    } else if (!applied.equals(variables)) {
      throw new IllegalStateException(
          "NCCL reads its settings once per process; they are "
              + applied
              + " and cannot become "
              + variables);
    }
  }
}

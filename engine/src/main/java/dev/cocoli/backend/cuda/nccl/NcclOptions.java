package dev.cocoli.backend.cuda.nccl;

import java.util.HashMap;
import java.util.Map;

/**
 * How NCCL is set up for a process. It takes this from the environment, where what the user has set
 * wins.
 *
 * @param deterministic whether an all-reduce adds in one order, whatever its size and the machine's
 *     topology: rings and nothing else, neither trees nor switches that add (NVLink SHARP). Without
 *     it NCCL chooses by size and topology, so that bits repeat on one machine, but not when
 *     buckets are cut otherwise.
 */
public record NcclOptions(boolean deterministic) {
  /** NCCL chooses. */
  public static final NcclOptions FASTEST = new NcclOptions(false);

  /** One order of adding. */
  public static final NcclOptions DETERMINISTIC = new NcclOptions(true);

  /** {@return the variables of NCCL that say so} */
  Map<String, String> variables() {
    Map<String, String> variables = new HashMap<>();
    // Connects when a communicator is made. Else the first all-reduce of each algorithm does, and
    // beginning it would wait for the other ranks.
    variables.put("NCCL_RUNTIME_CONNECT", "0");
    if (deterministic) {
      variables.put("NCCL_ALGO", "Ring");
      variables.put("NCCL_PROTO", "Simple");
      variables.put("NCCL_NVLS_ENABLE", "0");
    }
    return variables;
  }
}

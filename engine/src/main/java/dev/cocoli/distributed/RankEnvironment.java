package dev.cocoli.distributed;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The rank of this process in a job of several processes, and the address of rank 0, as the job's
 * launcher sets them in environment variables.
 *
 * <p>The innermost launcher counts: torchrun's variables before Open MPI's before Slurm's. Slurm
 * sets {@code SLURM_PROCID}, {@code SLURM_LOCALID} and {@code SLURM_NTASKS} for a batch script too,
 * which runs only once whatever the number of tasks; only srun sets {@code SLURM_STEP_NUM_TASKS}.
 * Hence a process is one of Slurm's ranks if that variable is more than 1, and a program that a
 * batch script or an interactive shell starts without srun is not.
 *
 * <p>torchrun itself listens on {@code MASTER_PORT}, and says so in {@code
 * TORCHELASTIC_USE_AGENT_STORE}; rank 0 then takes the next port.
 *
 * @param rank the number of this process, from 0
 * @param size the number of processes
 * @param localRank its number among the processes of its host, from 0: the index of its device
 * @param masterAddress name or address of rank 0's host
 * @param masterPort the port that rank 0 listens on
 */
public record RankEnvironment(
    int rank, int size, int localRank, String masterAddress, int masterPort) {
  private static final String MASTER_ADDRESS = "MASTER_ADDR";
  private static final String MASTER_PORT = "MASTER_PORT";

  /** "True" where torchrun itself listens on the master's port, for torch's own store. */
  private static final String TORCHRUNS_STORE = "TORCHELASTIC_USE_AGENT_STORE";

  /** Ports derived from a job's number lie below those that Linux assigns by itself. */
  private static final int FIRST_JOB_PORT = 20_000;

  private static final int JOB_PORTS = 10_000;

  /**
   * Checks the ranges.
   *
   * @throws IllegalArgumentException if a rank is not among the ranks or the port is none
   */
  public RankEnvironment {
    if (size < 1 || rank < 0 || rank >= size || localRank < 0 || localRank >= size) {
      throw new IllegalArgumentException(
          "no rank " + rank + ", local rank " + localRank + ", among " + size);
    }
    if (masterPort < 1 || masterPort > 65_535) {
      throw new IllegalArgumentException("no port: " + masterPort);
    }
  }

  /** {@return the values set by the launcher of this process; empty if there is no launcher} */
  public static Optional<RankEnvironment> ofProcess() {
    return of(System.getenv());
  }

  /**
   * {@return the values set by a launcher; empty if there is none}
   *
   * @param environment variables and their values
   * @throws IllegalArgumentException if variables are missing or contradict each other; the message
   *     names them
   */
  public static Optional<RankEnvironment> of(Map<String, String> environment) {
    Variables variables = new Variables(environment);
    if (variables.hasAny("RANK", "WORLD_SIZE", "LOCAL_RANK")) {
      RankEnvironment ranks = torchrun(variables);
      refuseOneRankForAll(variables, ranks);
      return several(ranks);
    }
    if (variables.hasAny(
        "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK")) {
      return several(openMpi(variables));
    }
    if (variables.has("SLURM_STEP_NUM_TASKS")
        && variables.number("SLURM_STEP_NUM_TASKS", 1, Integer.MAX_VALUE) > 1) {
      return several(slurm(variables));
    }
    return Optional.empty();
  }

  private static Optional<RankEnvironment> several(RankEnvironment ranks) {
    return ranks.size > 1 ? Optional.of(ranks) : Optional.empty();
  }

  private static RankEnvironment torchrun(Variables variables) {
    RankEnvironment ranks =
        ranks(variables, "RANK", "WORLD_SIZE", "LOCAL_RANK", Optional.empty(), Optional.empty());
    if (!variables.has(TORCHRUNS_STORE) || !variables.get(TORCHRUNS_STORE).equals("True")) {
      return ranks;
    }
    int port = ranks.masterPort;
    return new RankEnvironment(
        ranks.rank,
        ranks.size,
        ranks.localRank,
        ranks.masterAddress,
        port < 65_535 ? port + 1 : port - 1);
  }

  private static RankEnvironment openMpi(Variables variables) {
    // mpirun sets no address; if all ranks are on one host, none is needed
    boolean oneHost =
        variables.has("OMPI_COMM_WORLD_LOCAL_SIZE")
            && variables
                .get("OMPI_COMM_WORLD_LOCAL_SIZE")
                .equals(variables.get("OMPI_COMM_WORLD_SIZE"));
    return ranks(
        variables,
        "OMPI_COMM_WORLD_RANK",
        "OMPI_COMM_WORLD_SIZE",
        "OMPI_COMM_WORLD_LOCAL_RANK",
        oneHost ? Optional.of("127.0.0.1") : Optional.empty(),
        Optional.empty());
  }

  private static RankEnvironment slurm(Variables variables) {
    Optional<String> address = Optional.empty();
    // rank 0 runs on the first host of the step; srun itself may have been called on another host
    for (String list : List.of("SLURM_STEP_NODELIST", "SLURM_JOB_NODELIST", "SLURM_NODELIST")) {
      if (address.isEmpty() && variables.has(list)) {
        address = Optional.of(firstHost(variables.get(list)));
      }
    }
    if (address.isEmpty() && variables.has("SLURM_LAUNCH_NODE_IPADDR")) {
      address = Optional.of(variables.get("SLURM_LAUNCH_NODE_IPADDR"));
    }
    Optional<Integer> port = Optional.empty();
    if (variables.has("SLURM_JOB_ID")) {
      // jobs that share a host get different ports, and so do the steps of a job
      long job = variables.number("SLURM_JOB_ID", 0, Integer.MAX_VALUE);
      long step =
          variables.has("SLURM_STEP_ID") ? variables.number("SLURM_STEP_ID", 0, 0xFFFFFFFFL) : 0;
      port = Optional.of(FIRST_JOB_PORT + (int) ((job + step) % JOB_PORTS));
    }
    return ranks(variables, "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", address, port);
  }

  private static RankEnvironment ranks(
      Variables variables,
      String rankName,
      String sizeName,
      String localRankName,
      Optional<String> launchersAddress,
      Optional<Integer> launchersPort) {
    int size = (int) variables.number(sizeName, 1, Integer.MAX_VALUE);
    int rank = (int) variables.number(rankName, 0, Integer.MAX_VALUE);
    int localRank = (int) variables.number(localRankName, 0, Integer.MAX_VALUE);
    if (rank >= size) {
      throw variables.contradiction(rankName, sizeName, "ranks count from 0");
    }
    if (localRank >= size) {
      throw variables.contradiction(localRankName, sizeName, "a host's ranks are some of all");
    }
    String address = launchersAddress.orElse("127.0.0.1");
    int port = launchersPort.orElse(FIRST_JOB_PORT);
    if (size > 1) {
      if (variables.has(MASTER_ADDRESS) || launchersAddress.isEmpty()) {
        address = variables.get(MASTER_ADDRESS);
      }
      if (variables.has(MASTER_PORT) || launchersPort.isEmpty()) {
        port = (int) variables.number(MASTER_PORT, 1, 65_535);
      }
    }
    return new RankEnvironment(rank, size, localRank, address, port);
  }

  /**
   * Rejects a rank that a batch script has exported before srun, so that all processes have the
   * same one. Ranks set by torchrun are not compared, because their order may differ from that of
   * the launchers around it.
   */
  private static void refuseOneRankForAll(Variables variables, RankEnvironment ranks) {
    if (variables.has("TORCHELASTIC_RUN_ID")) {
      return;
    }
    for (String[] outer :
        new String[][] {
          {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
          {"SLURM_PROCID", "SLURM_STEP_NUM_TASKS"}
        }) {
      if (variables.has(outer[0])
          && variables.has(outer[1])
          && variables.number(outer[1], 1, Integer.MAX_VALUE) == ranks.size
          && variables.number(outer[0], 0, Integer.MAX_VALUE) != ranks.rank) {
        throw variables.contradiction(
            "RANK", outer[0], "set RANK in each process, not for all of them, or not at all");
      }
    }
  }

  /** The first host of a list such as {@code rack1-n[03-07,9],rack2}. */
  private static String firstHost(String list) {
    StringBuilder host = new StringBuilder();
    boolean inBracket = false;
    boolean pastFirst = false; // in a bracket, whether its first number has ended
    for (char c : list.toCharArray()) {
      switch (c) {
        case '[' -> inBracket = true;
        case ']' -> {
          inBracket = false;
          pastFirst = false;
        }
        case ',', '-' -> {
          if (c == ',' && !inBracket) {
            return host.toString();
          }
          pastFirst |= inBracket;
          if (!inBracket) {
            host.append(c);
          }
        }
        default -> {
          if (!pastFirst) {
            host.append(c);
          }
        }
      }
    }
    return host.toString();
  }

  /** The variables, read with errors that name them. */
  private record Variables(Map<String, String> values) {
    boolean has(String name) {
      return !values.getOrDefault(name, "").isBlank();
    }

    boolean hasAny(String... names) {
      for (String name : names) {
        if (has(name)) {
          return true;
        }
      }
      return false;
    }

    String get(String name) {
      if (!has(name)) {
        throw new IllegalArgumentException(
            "the environment has variables of a launcher, but not "
                + name
                + ": set it, or unset the others to run a single process");
      }
      return values.get(name).strip();
    }

    long number(String name, long least, long most) {
      String text = get(name);
      try {
        long number = Long.parseLong(text);
        if (number >= least && number <= most) {
          return number;
        }
      } catch (NumberFormatException _) {
        // reported below
      }
      throw new IllegalArgumentException(
          "the environment variable %s is '%s'; it is a whole number from %s%s"
              .formatted(name, text, least, most == Integer.MAX_VALUE ? "" : " to " + most));
    }

    IllegalArgumentException contradiction(String one, String other, String why) {
      return new IllegalArgumentException(
          "the environment variables contradict each other: %s is %s, %s is %s; %s"
              .formatted(one, get(one), other, get(other), why));
    }
  }
}

package dev.cocoli.distributed;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The variables that launchers set, complete and incomplete. */
class RankEnvironmentTest {
  private static final Map<String, String> TORCHRUN =
      Map.of(
          "RANK", "5",
          "WORLD_SIZE", "8",
          "LOCAL_RANK", "1",
          "MASTER_ADDR", "10.0.0.1",
          "MASTER_PORT", "29500");

  private static final Map<String, String> SRUN =
      Map.of(
          "SLURM_PROCID", "3",
          "SLURM_LOCALID", "1",
          "SLURM_NTASKS", "4",
          "SLURM_STEP_NUM_TASKS", "4",
          "SLURM_STEP_ID", "2",
          "SLURM_JOB_ID", "123456",
          "SLURM_LAUNCH_NODE_IPADDR", "10.0.0.9",
          "SLURM_STEP_NODELIST", "gpu[07-08]");

  private static final Map<String, String> MPIRUN =
      Map.of(
          "OMPI_COMM_WORLD_RANK", "1",
          "OMPI_COMM_WORLD_SIZE", "2",
          "OMPI_COMM_WORLD_LOCAL_RANK", "1",
          "OMPI_COMM_WORLD_LOCAL_SIZE", "2",
          "MASTER_PORT", "29501");

  private static Map<String, String> with(Map<String, String> base, String... changes) {
    Map<String, String> changed = new HashMap<>(base);
    for (int i = 0; i < changes.length; i += 2) {
      if (changes[i + 1] == null) {
        changed.remove(changes[i]);
      } else {
        changed.put(changes[i], changes[i + 1]);
      }
    }
    return changed;
  }

  private static RankEnvironment ranks(Map<String, String> environment) {
    return RankEnvironment.of(environment).orElseThrow();
  }

  private static void assertRefused(Map<String, String> environment, String... parts) {
    String message =
        assertThrows(IllegalArgumentException.class, () -> RankEnvironment.of(environment))
            .getMessage();
    for (String part : parts) {
      assertTrue(message.contains(part), () -> "\"" + part + "\" is not in: " + message);
    }
  }

  @Test
  void nothingSetIsNoRank() {
    assertEquals(Optional.empty(), RankEnvironment.of(Map.of()));
    // exported for other jobs
    assertEquals(
        Optional.empty(),
        RankEnvironment.of(Map.of("MASTER_ADDR", "10.0.0.1", "MASTER_PORT", "29500")));
    assertEquals(Optional.empty(), RankEnvironment.of(Map.of("RANK", "", "WORLD_SIZE", " ")));
  }

  @Test
  void torchrun() {
    assertEquals(new RankEnvironment(5, 8, 1, "10.0.0.1", 29500), ranks(TORCHRUN));
    assertEquals(
        Optional.empty(),
        RankEnvironment.of(with(TORCHRUN, "RANK", "0", "WORLD_SIZE", "1", "LOCAL_RANK", "0")));
  }

  @Test
  void torchrunMayHoldTheMastersPort() {
    String name = "TORCHELASTIC_USE_AGENT_STORE";
    assertEquals(29501, ranks(with(TORCHRUN, name, "True")).masterPort());
    assertEquals(29500, ranks(with(TORCHRUN, name, "False")).masterPort());
    assertEquals(65534, ranks(with(TORCHRUN, name, "True", "MASTER_PORT", "65535")).masterPort());
  }

  @ParameterizedTest
  @CsvSource({"RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"})
  void partOfTorchrun(String missing) {
    assertRefused(with(TORCHRUN, missing, null), "not " + missing);
  }

  @ParameterizedTest
  @CsvSource({
    "RANK,x",
    "RANK,-1",
    "RANK,1.5",
    "WORLD_SIZE,0",
    "WORLD_SIZE,99999999999",
    "LOCAL_RANK,one",
    "MASTER_PORT,0",
    "MASTER_PORT,65536",
    "MASTER_PORT,http"
  })
  void notANumber(String name, String value) {
    assertRefused(with(TORCHRUN, name, value), name + " is '" + value + "'");
  }

  @Test
  void ranksOutsideTheWorld() {
    assertRefused(with(TORCHRUN, "RANK", "8"), "RANK is 8", "WORLD_SIZE is 8");
    assertRefused(with(TORCHRUN, "LOCAL_RANK", "8"), "LOCAL_RANK is 8", "WORLD_SIZE is 8");
    assertRefused(
        with(SRUN, "SLURM_PROCID", "4"), "SLURM_PROCID is 4", "SLURM_STEP_NUM_TASKS is 4");
  }

  @Test
  void slurm() {
    assertEquals(new RankEnvironment(3, 4, 1, "gpu07", 23458), ranks(SRUN));
    assertEquals(
        new RankEnvironment(3, 4, 1, "other", 4000),
        ranks(with(SRUN, "MASTER_ADDR", "other", "MASTER_PORT", "4000")));
    assertEquals("10.0.0.9", ranks(with(SRUN, "SLURM_STEP_NODELIST", null)).masterAddress());
    assertRefused(
        with(SRUN, "SLURM_STEP_NODELIST", null, "SLURM_LAUNCH_NODE_IPADDR", null), "MASTER_ADDR");
    assertRefused(with(SRUN, "SLURM_JOB_ID", null), "MASTER_PORT");
    assertRefused(with(SRUN, "SLURM_PROCID", null), "SLURM_PROCID");
    assertRefused(with(SRUN, "SLURM_LOCALID", null), "SLURM_LOCALID");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ' ',
      value = {
        "node1 node1",
        "node1,node2 node1",
        "node[1,3] node1",
        "node[08-10,12],x[1-2] node08",
        "rack1-n[3-4] rack1-n3",
        "rack[2-3]n[5-6] rack2n5",
        "n[1-2]-ib,n7 n1-ib",
        "a-b.example a-b.example"
      })
  void firstHostOfSlurmsList(String list, String host) {
    assertEquals(host, ranks(with(SRUN, "SLURM_STEP_NODELIST", list)).masterAddress());
  }

  @Test
  void aProcessInAnAllocationWithoutSrunIsOnItsOwn() {
    // variables that sbatch sets for its script: 4 tasks may be started, but none has been
    Map<String, String> batch =
        with(SRUN, "SLURM_PROCID", "0", "SLURM_LOCALID", "0", "SLURM_STEP_NUM_TASKS", null);
    assertEquals(Optional.empty(), RankEnvironment.of(batch));
    assertEquals(Optional.empty(), RankEnvironment.of(with(batch, "SLURM_STEP_ID", null)));
    // an interactive shell is a step of one task
    assertEquals(Optional.empty(), RankEnvironment.of(with(batch, "SLURM_STEP_NUM_TASKS", "1")));
  }

  @Test
  void openMpi() {
    assertEquals(new RankEnvironment(1, 2, 1, "127.0.0.1", 29501), ranks(MPIRUN));
    assertEquals(
        new RankEnvironment(1, 2, 1, "host", 29501), ranks(with(MPIRUN, "MASTER_ADDR", "host")));
    assertRefused(with(MPIRUN, "OMPI_COMM_WORLD_LOCAL_SIZE", "1"), "MASTER_ADDR");
    assertRefused(with(MPIRUN, "MASTER_PORT", null), "MASTER_PORT");
    assertRefused(with(MPIRUN, "OMPI_COMM_WORLD_LOCAL_RANK", null), "OMPI_COMM_WORLD_LOCAL_RANK");
  }

  @Test
  void theInnermostLauncherCounts() {
    Map<String, String> both = new HashMap<>(SRUN);
    both.putAll(MPIRUN);
    assertEquals(2, ranks(both).size());
    both.putAll(TORCHRUN);
    assertEquals(8, ranks(both).size());
  }

  @Test
  void oneRankForAllProcessesIsRefused() {
    Map<String, String> both = new HashMap<>(SRUN);
    both.putAll(with(TORCHRUN, "RANK", "0", "WORLD_SIZE", "4", "LOCAL_RANK", "0"));
    assertRefused(both, "RANK is 0", "SLURM_PROCID is 3");
    // torchrun's order of processes may differ from srun's
    assertEquals(0, ranks(with(both, "TORCHELASTIC_RUN_ID", "none")).rank());
    assertEquals(3, ranks(with(both, "RANK", "3")).rank());
  }
}

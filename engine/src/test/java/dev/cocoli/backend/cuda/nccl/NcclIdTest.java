package dev.cocoli.backend.cuda.nccl;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.cocoli.bindings.NvidiaLibrary;
import dev.cocoli.testing.Nvidia;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The id that rank 0 gets from NCCL is the one that a rank of another process gets. */
@Tag("slow")
class NcclIdTest {
  @Test
  void travelsToAnotherProcess() throws Exception {
    Nvidia.require(NvidiaLibrary.CUDA_RUNTIME, NvidiaLibrary.NCCL);
    String[] printed = new String[2];
    do { // between freePort and the start another program may take the port
      int port = freePort();
      Process zero = start(0, port);
      Process one = start(1, port);
      printed[0] = output(zero);
      if (printed[0].contains("which is taken")) {
        one.destroyForcibly();
      }
      printed[1] = output(one);
    } while (printed[0].contains("which is taken"));
    byte[] id = id(0, printed[0]);
    assertEquals(128, id.length);
    assertArrayEquals(id, id(1, printed[1]));
    assertFalse(Arrays.equals(new byte[128], id), "NCCL has written nothing");
  }

  /** torchrun keeps a store of its own on the port that it calls the master's. */
  @Test
  void travelsBetweenProcessesOfTorchrun() throws Exception {
    Nvidia.require(NvidiaLibrary.CUDA_RUNTIME, NvidiaLibrary.NCCL);
    Path torchrun =
        Path.of(Optional.ofNullable(System.getenv("VIRTUAL_ENV")).orElse("none"), "bin/torchrun");
    if (!Files.isExecutable(torchrun)) {
      String reason = "torchrun is not installed (set VIRTUAL_ENV)";
      System.out.println("skipped: " + reason);
      Assumptions.abort(reason);
    }
    List<String> command = new ArrayList<>(List.of(torchrun.toString(), "--standalone"));
    command.addAll(List.of("--nproc-per-node", "2", "--no-python"));
    command.addAll(peer());
    String printed = output(new ProcessBuilder(command).redirectErrorStream(true).start());
    assertArrayEquals(id(0, printed), id(1, printed));
  }

  private static List<String> peer() {
    return List.of(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "--enable-native-access=ALL-UNNAMED",
        "-cp",
        System.getProperty("java.class.path"),
        NcclIdPeer.class.getName());
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }

  private static Process start(int rank, int port) throws IOException {
    ProcessBuilder builder = new ProcessBuilder(peer());
    Map<String, String> environment = builder.environment();
    environment.keySet().removeIf(name -> name.matches("(OMPI_|SLURM_|TORCHELASTIC_).*"));
    environment.putAll(
        Map.of(
            "RANK", Integer.toString(rank),
            "WORLD_SIZE", "2",
            "LOCAL_RANK", Integer.toString(rank),
            "MASTER_ADDR", "127.0.0.1",
            "MASTER_PORT", Integer.toString(port)));
    return builder.redirectErrorStream(true).start();
  }

  private static String output(Process process) throws IOException {
    return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
  }

  private static byte[] id(int rank, String printed) {
    // NCCL may print lines of its own
    List<String> lines = printed.lines().filter(line -> line.matches(rank + " [0-9a-f]+")).toList();
    assertEquals(1, lines.size(), printed);
    return HexFormat.of().parseHex(lines.getFirst().split(" ")[1]);
  }
}

package dev.cocoli.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.cocoli.testing.Nvidia;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The id that rank 0 gets from NCCL is the one that a rank of another process gets. */
class NcclIdTest {
  @Test
  void travelsToAnotherProcess() throws Exception {
    Nvidia.requireNccl();
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

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }

  private static Process start(int rank, int port) throws IOException {
    ProcessBuilder builder =
        new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "--enable-native-access=ALL-UNNAMED",
            "-cp",
            System.getProperty("java.class.path"),
            NcclIdPeer.class.getName());
    Map<String, String> environment = builder.environment();
    environment.keySet().removeIf(name -> name.startsWith("OMPI_") || name.startsWith("SLURM_"));
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

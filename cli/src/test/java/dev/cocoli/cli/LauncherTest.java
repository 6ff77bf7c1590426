package dev.cocoli.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.data.synthetic.ShapeScenes;
import dev.cocoli.data.synthetic.ShapeScenesConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Starts one of several processes as torchrun does, and checks that the environment is respected.
 */
@Tag("slow")
class LauncherTest {
  private static final int TIMEOUT_SECONDS = 600;

  @TempDir private Path folder;

  @BeforeEach
  void makeData() throws IOException {
    new ShapeScenes(ShapeScenesConfig.of(64, 64, 3)).writeVoc(folder.resolve("data"), 2, 0);
  }

  @Test
  void processesOnTheProcessorAreUsage() throws Exception {
    Map<String, String> second =
        Map.of(
            "RANK", "1",
            "WORLD_SIZE", "2",
            "LOCAL_RANK", "1",
            "MASTER_ADDR", "127.0.0.1",
            "MASTER_PORT", "29500");
    assertFails(2, second, "one of 2 processes (rank 1)", "--device cpu,cpu");
  }

  @Test
  void halfAnEnvironmentIsAnError() throws Exception {
    assertFails(1, Map.of("RANK", "1", "LOCAL_RANK", "1"), "WORLD_SIZE");
  }

  private void assertFails(int code, Map<String, String> environment, String... parts)
      throws Exception {
    Path err = folder.resolve("err.txt");
    List<String> command =
        new ArrayList<>(
            List.of(
                ProcessHandle.current().info().command().orElseThrow(),
                "--enable-native-access=ALL-UNNAMED",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName(),
                "train",
                "--data",
                folder.resolve("data").toString(),
                "--out",
                folder.resolve("run").toString(),
                "--model",
                "fasterrcnn_tiny_fpn",
                "--device",
                "cpu"));
    ProcessBuilder builder = new ProcessBuilder(command).redirectError(err.toFile());
    builder.redirectOutput(ProcessBuilder.Redirect.DISCARD).environment().putAll(environment);
    Process process = builder.start();
    assertTrue(process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS), "it does not end");
    String said = Files.readString(err);
    assertEquals(code, process.exitValue(), said);
    List<String> complaints = said.lines().filter(line -> line.startsWith("cocoli: ")).toList();
    assertEquals(1, complaints.size(), said);
    for (String part : parts) {
      assertTrue(complaints.getFirst().contains(part), said);
    }
    assertFalse(Files.exists(folder.resolve("run")), "it began nevertheless");
  }
}

package dev.cocoli.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cocoli.backend.Backends;
import dev.cocoli.tensor.Device;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Checks that doctor reports the same to people and to programs. */
class DoctorCommandTest {
  @TempDir private Path folder;

  @Test
  void theFirstLinesSayWhatCanBeUsed() {
    List<String> lines = Cli.run("doctor").ok().out().lines().toList();
    int processors = Runtime.getRuntime().availableProcessors();
    assertTrue(lines.getFirst().startsWith("cpu: ready, " + processors + " "), lines.toString());
    assertTrue(lines.getFirst().contains("fp32"), lines.toString());
    boolean hasGpu = Backends.problem(new Device(Device.Kind.CUDA, 0)).isEmpty();
    assertTrue(
        lines.get(1).startsWith(hasGpu ? "cuda: ready" : "cuda: cannot be used"), lines.toString());
    assertTrue(hasGpu || lines.size() <= 10, lines.toString());
    assertTrue(lines.getLast().contains("doctor --verbose"), lines.toString());
  }

  @Test
  void reportNamesEveryLibrary() throws IOException {
    Path file = folder.resolve("new/doctor.json");
    String text = Cli.run("doctor", "--verbose", "--json", file).ok().out();
    JsonNode report = new ObjectMapper().readTree(file.toFile());
    List<String> names = report.get("libraries").findValuesAsText("name");
    assertTrue(
        names.containsAll(List.of("oneDNN", "CUDA runtime", "cuDNN", "cuBLAS", "NVRTC", "NCCL")),
        names.toString());
    for (JsonNode library : report.get("libraries")) {
      assertTrue(text.contains(library.get("name").asText()), text);
      assertFalse(library.get("remedy").asText().isEmpty());
      assertEquals(library.get("usable").asBoolean(), library.get("problem").isNull());
      if (library.get("file").isNull()) {
        for (JsonNode tried : library.get("tried")) {
          assertTrue(text.contains(tried.asText()), tried + " in " + text);
        }
      }
    }
    JsonNode oneDnn = report.get("libraries").get(0);
    assertTrue(oneDnn.get("usable").asBoolean(), oneDnn.toString());
    assertTrue(oneDnn.get("version").asText().startsWith("3."), oneDnn.toString());
    assertEquals(Runtime.getRuntime().availableProcessors(), report.at("/cpu/processors").asInt());
  }
}

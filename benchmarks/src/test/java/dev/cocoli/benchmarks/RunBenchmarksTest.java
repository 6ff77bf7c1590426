package dev.cocoli.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("slow")
class RunBenchmarksTest {
  @Test
  void givenOptionsWin() {
    assertEquals(
        List.of("-foe", "true"),
        RunBenchmarks.defaults(List.of("-prof", "stack", "-jvmArgs", "-Xmx1g", "-rf", "csv")));
    assertTrue(RunBenchmarks.defaults(List.of("Loss")).contains("json"));
  }

  /**
   * Runs one short iteration in a process of its own, so that a broken benchmark is noticed before
   * a release.
   */
  @Test
  void runsABenchmarkAndReportsNativeMemory(@TempDir Path folder) throws IOException {
    Path results = folder.resolve("results.json");
    RunBenchmarks.main(
        new String[] {
          "LossBenchmark.smoothL1",
          "-f",
          "1",
          "-wi",
          "0",
          "-i",
          "1",
          "-r",
          "50ms",
          "-v",
          "SILENT",
          "-p",
          "regions=8",
          "-rff",
          results.toString()
        });
    JsonNode result = new ObjectMapper().readTree(results.toFile()).get(0);
    assertEquals("cpu", result.get("params").get("device").asText());
    assertTrue(result.get("primaryMetric").get("score").asDouble() > 0);
    JsonNode others = result.get("secondaryMetrics");
    assertTrue(others.get("native.pool.reserved").get("score").asDouble() > 0, others.toString());
    assertTrue(others.get("native.process.peak").get("score").asDouble() > 1, others.toString());
    assertTrue(others.has("gc.alloc.rate.norm"), others.toString());
  }
}

package dev.cocoli.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** What a run leaves that must not depend on how often it was interrupted. */
public record FinishedRun(byte[] last, byte[] best, List<String> metrics) {

  public static FinishedRun read(Path folder) throws IOException {
    ObjectMapper json = new ObjectMapper();
    List<String> metrics = new ArrayList<>();
    for (String line : Files.readAllLines(folder.resolve("metrics.jsonl"))) {
      ObjectNode values = (ObjectNode) json.readTree(line);
      values.remove(
          List.of(
              "time",
              "seconds",
              "data_wait_seconds",
              "allreduce_seconds",
              "allreduce_hidden")); // the clock repeats nothing
      metrics.add(values.toString());
    }
    return new FinishedRun(
        Files.readAllBytes(folder.resolve("last.safetensors")),
        Files.readAllBytes(folder.resolve("best.safetensors")),
        metrics);
  }

  public void assertSame(FinishedRun other) {
    assertEquals(metrics, other.metrics);
    assertArrayEquals(last, other.last, "the last weights differ");
    assertArrayEquals(best, other.best, "the best weights differ");
  }
}

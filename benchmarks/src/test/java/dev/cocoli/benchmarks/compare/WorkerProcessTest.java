package dev.cocoli.benchmarks.compare;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WorkerProcessTest {
  @TempDir private Path folder;

  private final List<String> others = new ArrayList<>();

  private WorkerProcess start(String script) throws IOException {
    return WorkerProcess.start(
        "worker", List.of("sh", "-c", script), Map.of("ANSWER", "0.25"), folder, others::add);
  }

  @Test
  void asksAndHandsOtherLinesOn() throws IOException {
    String script =
        """
        while read request; do
          case $request in
            run) echo noise; echo "{\\"seconds\\": $ANSWER}" ;;
            memory) echo '{"bytes": 12}' ;;
            result) echo '{"losses": {"loss_objectness": 0.5}}' ;;
          esac
        done
        """;
    try (WorkerProcess worker = start(script)) {
      assertEquals(0.25, worker.run());
      assertEquals(12, worker.peakBytes());
      assertEquals(Map.of("loss_objectness", 0.5), worker.result().losses());
    }
    assertEquals(List.of("noise"), others);
  }

  @Test
  void tellsTheLastWordsOfOneThatDied() throws IOException {
    try (WorkerProcess worker = start("read request; echo first >&2; echo 'no memory' >&2")) {
      ComparisonException e = assertThrows(ComparisonException.class, worker::run);
      assertEquals("worker ended: no memory", e.getMessage());
    }
  }
}

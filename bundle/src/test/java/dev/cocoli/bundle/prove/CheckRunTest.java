package dev.cocoli.bundle.prove;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.bundle.prove.samples.Crashes;
import dev.cocoli.bundle.prove.samples.Fails;
import dev.cocoli.bundle.prove.samples.Hangs;
import dev.cocoli.bundle.prove.samples.Passes;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Checks that pass, fail, hang and crash, in processes. */
@Tag("slow")
class CheckRunTest {
  private static final int LONG = 300;

  @TempDir private Path folder;
  private final StringWriter terminal = new StringWriter();

  private static Check check(Class<?> tests, int seconds) {
    return new Check(
        "samples: " + tests.getSimpleName(), List.of("tests", "cpu", tests.getName()), seconds);
  }

  private StageReport report(int seconds) throws IOException {
    return new StageReport("sample", seconds, folder, new PrintWriter(terminal, true));
  }

  @Test
  void oneThatHangsFailsOrCrashesCostsOnlyItself() throws Exception {
    try (StageReport report = report(LONG)) {
      new CheckRun(Launch.PLAIN, report)
          .run(
              List.of(
                  check(Passes.class, LONG),
                  check(Hangs.class, 3),
                  check(Fails.class, LONG),
                  check(Crashes.class, LONG),
                  check(Passes.class, LONG)));
      List<List<String>> rows = report.rows();
      assertEquals(4, rows.size(), rows.toString());
      assertEquals(List.of("sample", "samples", "ok"), rows.get(0).subList(0, 3), rows.toString());
      assertEquals("2 passed, 0 skipped, in 2 classes", rows.get(0).getLast());
      assertEquals("samples: Hangs", rows.get(1).get(1));
      assertEquals("no end in 3 s", rows.get(1).getLast());
      assertTrue(rows.get(2).getLast().startsWith("0 passed, 1 failed, 0 skipped; "));
      assertTrue(rows.get(2).getLast().contains("one is not two"), rows.toString());
      assertEquals("the process ended with 42: about to crash", rows.get(3).getLast());
      assertTrue(report.hasFailed());
    }
    String log = Files.readString(folder.resolve("sample.log"));
    assertTrue(log.contains("  it was here\n"), log);
    assertEquals(log, terminal.toString());
    long child = Long.parseLong(log.replaceFirst("(?s).*  child (\\d+).*", "$1"));
    boolean lives = ProcessHandle.of(child).map(ProcessHandle::isAlive).orElse(false);
    assertFalse(lives, "what the check had started still runs");
  }

  @Test
  void afterTheStagesTimeNothingBegins() throws Exception {
    try (StageReport report = report(2)) {
      new CheckRun(Launch.PLAIN, report)
          .run(List.of(check(Hangs.class, LONG), check(Passes.class, LONG)));
      List<List<String>> rows = report.rows();
      assertTrue(rows.get(0).getLast().matches("no end in [12] s"), rows.toString());
      assertEquals("left out: the 2 s of sample are over", rows.get(1).getLast());
      assertTrue(report.hasFailed());
    }
  }

  @Test
  void aProcessThatDoesNotStartSaysWhy() throws Exception {
    try (StageReport report = report(LONG)) {
      new CheckRun(Launch.PLAIN.by(List.of("/bin/sh", "-c", "echo no licence; exit 5")), report)
          .run(List.of(check(Passes.class, LONG)));
      assertEquals("the process ended with 5: no licence", report.rows().get(0).getLast());
    }
  }
}

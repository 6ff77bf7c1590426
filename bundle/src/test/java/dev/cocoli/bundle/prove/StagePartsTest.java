package dev.cocoli.bundle.prove;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.bundle.selftest.Finding;
import dev.cocoli.bundle.selftest.Finding.Verdict;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What stages make of the output of other programs. */
class StagePartsTest {
  @TempDir private Path folder;

  private static Finding sanitized(String... lines) {
    SanitizeStage.Summary summary = new SanitizeStage.Summary();
    List.of(lines).forEach(summary::read);
    return summary.finding("memcheck", 1);
  }

  @Test
  void aSanitizersSummaryIsItsVerdict() {
    Finding clean = sanitized("========= COMPUTE-SANITIZER", "========= ERROR SUMMARY: 0 errors");
    assertEquals(Verdict.OK, clean.verdict());
    assertEquals("0 errors", clean.detail());
    Finding overrun =
        sanitized(
            "========= Invalid __global__ write of size 4 bytes",
            "=========     at fill+0x120",
            "========= ERROR SUMMARY: 2 errors",
            "========= ERROR SUMMARY: 1 error");
    assertEquals(Verdict.FAILED, overrun.verdict());
    assertEquals("3 errors; first: Invalid __global__ write of size 4 bytes", overrun.detail());
    Finding race =
        sanitized(
            "========= Error: Race reported between Write access at sort_tiles+0x90",
            "========= and Read access at sort_tiles+0x100 [508 hazards]",
            "========= RACECHECK SUMMARY: 1 hazard displayed (1 error, 0 warnings)");
    assertEquals(Verdict.FAILED, race.verdict());
    assertTrue(race.detail().startsWith("1 errors; first: Error: Race reported"), race.detail());
    assertEquals(
        Verdict.OK,
        sanitized("========= RACECHECK SUMMARY: 0 hazards displayed (0" + " errors, 0 warnings)")
            .verdict());
    assertEquals(Verdict.FAILED, sanitized("Segmentation fault").verdict());
  }

  @Test
  void trainingIsHeldToTheApOfTheCpu() throws Exception {
    Path metrics = folder.resolve("metrics.jsonl");
    String steps =
        "{\"step\": 1, \"loss\": 2.0, \"seconds\": 0.02}\n{\"epoch\": 1, \"AP\": 0.1,"
            + " \"AP50\": 0.2}\n{\"step\": 2, \"loss\": 1.0, \"seconds\": 0.01}\n";
    Ran ran = new Ran(Optional.empty(), 7);
    Files.writeString(metrics, steps + "{\"epoch\": 2, \"AP\": 0.565, \"AP50\": 0.9}\n");
    Finding good = BccdStage.read("x", folder, BccdStage.Reference.FP32, ran);
    assertEquals(Verdict.OK, good.verdict());
    assertEquals("AP 0.565, AP50 0.900 (the CPU: 0.570, 0.901); 20.0 ms a step", good.detail());
    Files.writeString(metrics, steps + "{\"epoch\": 2, \"AP\": 0.53, \"AP50\": 0.9}\n");
    Finding bad = BccdStage.read("x", folder, BccdStage.Reference.FP32, ran);
    assertEquals(Verdict.FAILED, bad.verdict());
  }
}

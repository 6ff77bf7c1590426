package dev.cocoli.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.cocoli.backend.cpu.CpuBackend;
import dev.cocoli.data.image.Image;
import dev.cocoli.detection.ModelSpec;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A thousand steps hold no more memory than the first ten, and nothing once they are over. They run
 * in a process of their own, whose Java heap is small and fixed, so that its resident memory tells
 * of native memory alone.
 */
@Tag("slow")
class MemoryTest {
  private static final int STEPS = 1000;

  /** What malloc's arenas, code and metaspace may gain while the process warms up. */
  private static final long SLACK_KILOBYTES = 16 << 10;

  @TempDir Path folder;

  @Test
  void staysFlatOverAThousandSteps() throws Exception {
    assumeTrue(Files.exists(Path.of("/proc/self/statm")), "only Linux tells of resident memory");
    Map<String, Long> numbers = fork();
    assertEquals(STEPS, numbers.get("steps"));
    for (String what : List.of("reserved", "buffers", "files")) {
      assertEquals(
          numbers.get(what + " at 10"),
          numbers.get(what + " at 1000"),
          () -> what + ": " + numbers);
    }
    assertEquals(0, numbers.get("pool used at end"), numbers::toString);
    assertEquals(0, numbers.get("images at end"), numbers::toString);
    assertEquals(0, numbers.get("buffers after close"), numbers::toString);
    assertEquals(0, numbers.get("files of the run after close"), numbers::toString);
    long growth = numbers.get("resident at 1000") - numbers.get("resident at 200");
    assertTrue(growth < SLACK_KILOBYTES, () -> "grew by " + growth + " kB: " + numbers);
  }

  private Map<String, Long> fork() throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-Djava.awt.headless=true",
                "-Xms128m",
                "-Xmx128m",
                "-XX:+AlwaysPreTouch",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1", // the optimising compiler's memory comes and goes
                "-Dcocoli.threads=1", // layers this small are faster without waiting for each other
                "-cp",
                System.getProperty("java.class.path"),
                MemoryTest.class.getName(),
                folder.toString())
            .redirectErrorStream(true)
            .start();
    Map<String, Long> numbers = new HashMap<>();
    StringBuilder output = new StringBuilder();
    try (BufferedReader lines = process.inputReader()) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        output.append(line).append('\n');
        String[] parts = line.split("=");
        if (parts.length == 2) {
          numbers.put(parts[0], Long.valueOf(parts[1]));
        }
      }
    }
    assertEquals(0, process.waitFor(), output::toString);
    return numbers;
  }

  /**
   * Trains and prints what is held.
   *
   * @param arguments a folder
   */
  public static void main(String[] arguments) throws IOException {
    TrainConfig config =
        TinyRuns.config()
            .withLearningRate(0.002) // ten times as much diverges on some processors
            .withEpochs(STEPS / 8)
            .withBatch(2)
            .withLogEvery(100)
            .withCheckpoint(c -> c.withSteps(50));
    TrainingRun run = TinyRuns.run(Path.of(arguments[0]), config);
    ModelSpec small =
        run.model()
            .withConfig(
                c ->
                    c.withTransform(t -> t.withMinSize(32))
                        .withRpn(r -> r.withPreNmsTopNTrain(30).withPostNmsTopNTrain(10))
                        .withSampling(s -> s.withBatchSizePerImage(8)));
    CpuBackend backend = new CpuBackend();
    TrainingListener listener =
        new TrainingListener() {
          @Override
          public void stepDone(StepReport report) {
            if (List.of(10L, 200L, 1000L).contains(report.step())) {
              print(backend, "at " + report.step());
            }
          }
        };
    TrainingResult result =
        new Trainer(TrainingRun.of(small, run.trainData(), config, run.out()), backend, listener)
            .start();
    print("steps", result.step());
    print("pool used at end", backend.pool().usedBytes());
    print("images at end", Image.allocatedByteSize());
    backend.close();
    print("buffers after close", backend.liveBuffers());
    print("files of the run after close", openFilesBelow(Path.of(arguments[0]).toRealPath()));
  }

  private static void print(CpuBackend backend, String when) {
    try {
      print("reserved " + when, backend.pool().reservedBytes());
      print("buffers " + when, backend.liveBuffers());
      print("files " + when, openFiles());
      print("resident " + when, residentKilobytes());
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void print(String name, long value) {
    System.out.println(name + "=" + value);
  }

  private static long residentKilobytes() throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith("VmRSS:")) {
        return Long.parseLong(line.replaceAll("\\D", ""));
      }
    }
    throw new IOException("/proc/self/status has no VmRSS");
  }

  private static long openFiles() throws IOException {
    return openFilesBelow(Path.of("/"));
  }

  private static long openFilesBelow(Path folder) throws IOException {
    long count = 0;
    try (DirectoryStream<Path> links = Files.newDirectoryStream(Path.of("/proc/self/fd"))) {
      for (Path link : links) {
        count += Files.readSymbolicLink(link).startsWith(folder) ? 1 : 0;
      }
    }
    return count;
  }
}

package dev.cocoli.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.tensor.Device;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("slow")
class KillTest {
  @TempDir Path folder;

  @Test
  void aKilledRunEndsWithTheSameBits() throws Exception {
    TrainingRun whole = InterruptedRun.of(folder.resolve("whole"));
    TrainingRun killed = InterruptedRun.of(folder.resolve("killed"));
    int fatal = 5; // checkpoints are of steps 3, 6, 8, 11, 14
    Process process = fork(folder.resolve("killed"), fatal);
    try {
      waitUntilReady(process);
    } finally {
      process.destroyForcibly(); // SIGKILL
    }
    assertTrue(process.waitFor(120, TimeUnit.SECONDS));
    try (DirectoryStream<Path> half =
        Files.newDirectoryStream(killed.out(), "state.safetensors.*.tmp")) {
      assertTrue(half.iterator().hasNext(), "killed while writing");
    }
    List<Long> firstSteps = new ArrayList<>();
    TrainingListener listener =
        new TrainingListener() {
          @Override
          public void started(TrainingPlan plan) {
            firstSteps.add(plan.firstStep());
          }
        };
    try (Backend backend = Backends.open(Device.CPU)) {
      new Trainer(killed, backend, listener).resume();
      new Trainer(whole, backend, TrainingListener.NONE).start();
    }
    assertEquals(List.of(11L), firstSteps);
    FinishedRun.read(whole.out()).assertSame(FinishedRun.read(killed.out()));
  }

  private static Process fork(Path folder, int fatalCheckpoint) throws IOException {
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "--enable-native-access=ALL-UNNAMED",
            "-Djava.awt.headless=true",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-cp",
            System.getProperty("java.class.path"),
            InterruptedRun.class.getName(),
            folder.toString(),
            Integer.toString(fatalCheckpoint))
        .redirectErrorStream(true)
        .start();
  }

  private static void waitUntilReady(Process process) throws IOException {
    List<String> output = new ArrayList<>();
    try (BufferedReader lines = process.inputReader()) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        output.add(line);
        if (line.equals(InterruptedRun.READY)) {
          return;
        }
      }
    }
    throw new AssertionError("the run ended by itself: " + String.join("\n", output));
  }
}

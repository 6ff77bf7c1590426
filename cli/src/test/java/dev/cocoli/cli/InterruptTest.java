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
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Sends a signal to a training process: it ends cleanly and reports the state of the run. */
@Tag("slow")
class InterruptTest {
  private static final int TIMEOUT_SECONDS = 600;

  @TempDir private static Path data;

  @TempDir private Path folder;
  private Path out;
  private Path err;
  private Path printed;

  /** So many images that the first epoch has not ended when the signal arrives. */
  @BeforeAll
  static void makeData() throws IOException {
    new ShapeScenes(ShapeScenesConfig.of(64, 64, 3)).writeVoc(data, 600, 0);
  }

  @BeforeEach
  void nameFiles() {
    out = folder.resolve("run");
    err = folder.resolve("err.txt");
    printed = folder.resolve("out.txt");
  }

  @Test
  void aTerminatedRunWritesACheckpointAndSaysHowToGoOn() throws Exception {
    Process process = start();
    awaitFirstStep(process::isAlive);
    end(process);
    assertTrue(Files.exists(out.resolve("state.safetensors")), Files.readString(err));
    String said = Files.readString(printed);
    assertTrue(said.contains("to go on: cocoli train --out " + out + " --resume"), said);
    assertTrue(said.lines().anyMatch(line -> line.endsWith(" --resume")), said);
  }

  @Test
  void aTerminatedDemoPromisesNoMoreThanItKeeps() throws Exception {
    out = folder.resolve("demo/run");
    Process process = start(List.of("demo", "--out", out.getParent().toString()));
    awaitFirstStep(process::isAlive);
    end(process);
    String said = Files.readString(printed);
    assertTrue(said.contains("; to begin anew: cocoli demo --out "), said);
  }

  @Test
  void aCheckpointThatCannotBeWrittenThenIsStillTold() throws Exception {
    Process process = start();
    awaitFirstStep(process::isAlive);
    try (Stream<Path> files = Files.walk(out)) {
      for (Path path : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
    end(process);
    List<String> complaints =
        Files.readAllLines(err).stream().filter(line -> line.startsWith("cocoli: ")).toList();
    assertEquals(1, complaints.size(), Files.readString(err));
    assertTrue(complaints.getFirst().contains(out.toString()), complaints.toString());
  }

  /** As coreutils' timeout sends them: one to the process, one to its group. */
  @Test
  void twoSignalsAtOnceAreOne() throws Exception {
    Process process = start();
    awaitFirstStep(process::isAlive);
    String both = "kill -TERM " + process.pid() + "; kill -INT " + process.pid();
    assertEquals(0, new ProcessBuilder("sh", "-c", both).start().waitFor());
    assertTrue(process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS), "it does not end");
    assertTrue(Files.exists(out.resolve("state.safetensors")), Files.readString(err));
    String said = Files.readString(printed);
    assertTrue(said.contains("to go on: cocoli train --out " + out + " --resume"), said);
  }

  @Test
  void replicasStopBehindTheSameStep() throws Exception {
    Process process = start(trainingOn("cpu,cpu", 2));
    awaitFirstStep(process::isAlive);
    end(process);
    assertTrue(Files.exists(out.resolve("state.safetensors")), Files.readString(err));
    String said = Files.readString(printed);
    assertTrue(said.contains("to go on: cocoli train --out " + out + " --resume"), said);
  }

  @Test
  void ctrlCOnATerminalWritesACheckpointAndSaysHowToGoOn() throws Exception {
    try (PseudoTerminal terminal = new PseudoTerminal(80, printed, trainingOn("cpu", 1))) {
      awaitFirstStep(terminal::isAlive);
      terminal.pressCtrlC();
      assertEquals(130, terminal.awaitEnd(), terminal.received());
      assertTrue(Files.exists(out.resolve("state.safetensors")), terminal.received());
      String said = String.join("\n", terminal.screen());
      assertTrue(said.contains("stopping after this step"), said);
      assertTrue(said.contains("to go on: cocoli train --out " + out + " --resume"), said);
    }
  }

  @Test
  void aSecondCtrlCQuitsAtOnceAndTheRunCanStillGoOn() throws Exception {
    List<String> words = trainingOn("cpu", 1);
    try (PseudoTerminal terminal = new PseudoTerminal(80, printed, words)) {
      awaitFirstStep(terminal::isAlive);
      terminal.pressCtrlC();
      terminal.pressCtrlC();
      assertEquals(130, terminal.awaitEnd(), terminal.received());
    }
    words = List.of("train", "--out", out.toString(), "--resume");
    Path again = folder.resolve("again.txt");
    try (PseudoTerminal terminal = new PseudoTerminal(80, again, words)) {
      while (terminal.isAlive() && !terminal.received().contains(" loss ")) {
        Thread.sleep(50);
      }
      assertTrue(terminal.isAlive(), terminal.received());
      terminal.pressCtrlC();
      assertEquals(130, terminal.awaitEnd(), terminal.received());
    }
    assertTrue(Files.exists(out.resolve("state.safetensors")));
  }

  /** Decoding, detecting and drawing end; whole images stay, and of others nothing. */
  @Test
  void aDetectionThatIsInterruptedLeavesWholeFilesOnly() throws Exception {
    Path weights = Cli.unpack("oracle/frcnn-tiny-batch-0/weights.safetensors", folder);
    Path drawn = folder.resolve("drawn");
    Path json = folder.resolve("found.json");
    List<String> words = new ArrayList<>(List.of("detect", "--device", "cpu"));
    words.addAll(List.of("--weights", weights.toString(), "--model", "fasterrcnn_tiny_fpn"));
    words.addAll(List.of("--classes", "3", "--min-size", "480", "--max-size", "480"));
    words.addAll(List.of("--out", drawn.toString(), "--json", json.toString()));
    words.add(data.resolve("JPEGImages").toString());
    try (PseudoTerminal terminal = new PseudoTerminal(80, printed, words)) {
      while (terminal.isAlive() && !Files.exists(drawn)) {
        Thread.sleep(20);
      }
      assertTrue(terminal.isAlive(), terminal.received());
      terminal.pressCtrlC();
      assertEquals(130, terminal.awaitEnd(), terminal.received());
    }
    assertFalse(Files.exists(json));
    try (Stream<Path> files = Files.list(folder)) { // the unfinished results had another name
      assertTrue(files.noneMatch(file -> file.toString().endsWith(".tmp")));
    }
    try (Stream<Path> files = Files.list(drawn)) {
      for (Path file : files.filter(one -> one.toString().endsWith(".png")).toList()) {
        assertEquals(0, ImageIO.read(file.toFile()).getWidth() % 64, file.toString());
      }
    }
  }

  private Process start() throws IOException {
    return start(trainingOn("cpu", 1));
  }

  /** Steps without an end, and no checkpoint before the signal. */
  private List<String> trainingOn(String device, int batch) {
    List<String> command = new ArrayList<>(List.of("train"));
    command.addAll(List.of("--data", data.toString(), "--out", out.toString()));
    command.addAll(List.of("--model", "fasterrcnn_tiny_fpn", "--val-split", "none"));
    command.addAll(List.of("--min-size", "64", "--max-size", "64", "--log-every", "1"));
    command.addAll(List.of("--batch", "" + batch, "--epochs", "100000", "--device", device));
    command.addAll(List.of("--set", "box_head_size=32"));
    return command;
  }

  private Process start(List<String> words) throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
                ProcessHandle.current().info().command().orElseThrow(),
                "--enable-native-access=ALL-UNNAMED",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName()));
    command.addAll(words);
    return new ProcessBuilder(command)
        .redirectOutput(printed.toFile())
        .redirectError(err.toFile())
        .start();
  }

  private void awaitFirstStep(BooleanSupplier isAlive) throws Exception {
    Path metrics = out.resolve("metrics.jsonl");
    for (int i = 0; !Files.exists(metrics) || Files.size(metrics) == 0; i++) {
      assertTrue(isAlive.getAsBoolean(), () -> "it ended: " + read(err) + read(printed));
      assertTrue(i < 10 * TIMEOUT_SECONDS, "no step was done");
      Thread.sleep(100);
    }
  }

  private static void end(Process process) throws Exception {
    process.destroy(); // SIGTERM
    assertTrue(process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS), "it does not end");
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      return e.toString();
    }
  }
}

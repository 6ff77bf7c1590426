package dev.cocoli.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.data.synthetic.ShapeScenes;
import dev.cocoli.data.synthetic.ShapeScenesConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Trains on a pseudo terminal, and checks what remains on it. */
@Tag("slow")
class TerminalTest {
  @TempDir private Path folder;

  @ParameterizedTest
  @ValueSource(ints = {80, 200})
  void theApOfEachEpochAndWarningsRemain(int columns) throws Exception {
    Path data = folder.resolve("data");
    new ShapeScenes(ShapeScenesConfig.of(64, 64, 3)).writeVoc(data, 4, 2);
    Path broken = breakAnImage(data);
    List<String> words =
        List.of(
            "train",
            "--data",
            data.toString(),
            "--out",
            folder.resolve("run").toString(),
            "--model",
            "fasterrcnn_tiny_fpn",
            "--min-size",
            "64",
            "--max-size",
            "64",
            "--epochs",
            "2",
            "--device",
            "cpu",
            "--set",
            "box_head_size=32");
    try (PseudoTerminal terminal =
        new PseudoTerminal(columns, folder.resolve("terminal.txt"), words)) {
      assertEquals(0, terminal.awaitEnd(), terminal.received());
      List<String> screen = terminal.screen();
      String all = String.join("\n", screen);
      for (String start : List.of("epoch 1: AP ", "epoch 2: AP ", "trained 4 of 4 steps")) {
        assertTrue(screen.stream().anyMatch(line -> line.startsWith(start)), all);
      }
      String name = broken.getFileName().toString();
      assertTrue(
          screen.stream().anyMatch(line -> line.startsWith("cocoli: ") && line.contains(name)),
          all);
      List<String> bars =
          Stream.of(terminal.received().split("[\r\n]+(\u001b\\[K)?"))
              .filter(line -> line.matches("epoch \\d/2( evaluating)? \\[.*"))
              .toList();
      assertTrue(bars.stream().anyMatch(bar -> bar.startsWith("epoch 2/2 [")), all);
      int room = columns == 80 ? 10 : 60;
      for (String bar : bars) {
        assertTrue(bar.length() < columns, bar);
        assertTrue(bar.indexOf(']') - bar.indexOf('[') > room, bar);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {76, 100})
  void theHelpIsAsWideAsTheTerminal(int columns) throws Exception {
    List<String> words = List.of("train", "--help-all");
    try (PseudoTerminal terminal =
        new PseudoTerminal(columns, folder.resolve("terminal.txt"), words)) {
      assertEquals(0, terminal.awaitEnd(), terminal.received());
      int longest =
          terminal
              .received()
              .replaceAll("\u001b\\[[\\d;]*m", "")
              .lines()
              .mapToInt(String::length)
              .max()
              .orElseThrow();
      assertTrue(longest <= columns && longest > columns - 3, terminal.received());
    }
  }

  private static Path breakAnImage(Path data) throws IOException {
    String name = Files.readAllLines(data.resolve("ImageSets/Main/train.txt")).getFirst();
    try (Stream<Path> images = Files.list(data.resolve("JPEGImages"))) {
      Path image =
          images.filter(file -> file.getFileName().toString().startsWith(name)).findAny().get();
      byte[] whole = Files.readAllBytes(image);
      return Files.write(image, Arrays.copyOf(whole, whole.length / 2));
    }
  }
}

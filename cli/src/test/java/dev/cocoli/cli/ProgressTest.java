package dev.cocoli.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.data.synthetic.ShapeScenes;
import dev.cocoli.data.synthetic.ShapeScenesConfig;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Runs commands over many images on a pseudo terminal: they show a bar, and after Ctrl-C what they
 * wrote is whole or absent.
 */
@Tag("slow")
class ProgressTest {
  /** So many that no machine has done all of them when Ctrl-C arrives. */
  private static final int IMAGES = 900;

  private static final Pattern SECOND_IMAGE_OR_LATER = Pattern.compile("\\] ([2-9]|[1-9]\\d+)/");

  @TempDir private Path folder;

  private Path images(int width, int height) throws IOException {
    Path made = Files.createDirectories(folder.resolve("images"));
    BufferedImage image = new ShapeScenes(ShapeScenesConfig.of(width, height, 3)).scene(0).image();
    Path first = made.resolve("0.png");
    ImageIO.write(image, "png", first.toFile());
    for (int i = 1; i < IMAGES; i++) {
      Files.copy(first, made.resolve(i + ".png"));
    }
    return made;
  }

  private Path coco() throws IOException {
    StringBuilder entries = new StringBuilder();
    for (int i = 0; i < IMAGES; i++) {
      entries.append(
          "%s{\"id\":%d,\"file_name\":\"%d.png\",\"width\":128,\"height\":96}"
              .formatted(i == 0 ? "" : ",", i, i));
    }
    return Files.writeString(
        folder.resolve("coco.json"),
        """
        {"images":[%s],"categories":[{"id":1,"name":"a"},{"id":2,"name":"b"},{"id":3,"name":"c"}],
        "annotations":[{"id":1,"image_id":0,"category_id":1,"bbox":[10,10,40,40],"area":1600,"iscrowd":0}]}
        """
            .formatted(entries));
  }

  private List<String> words(String command, Object... more) throws IOException {
    List<String> words = new ArrayList<>(List.of(command));
    if (!command.equals("proposals")) {
      Path weights = folder.resolve("weights.safetensors");
      if (!Files.exists(weights)) {
        Cli.unpack("oracle/frcnn-tiny-batch-0/weights.safetensors", folder);
      }
      words.addAll(List.of("--weights", weights.toString(), "--model", "fasterrcnn_tiny_fpn"));
      words.addAll(List.of("--classes", "3", "--device", "cpu", "--min-size", "400"));
    }
    Arrays.stream(more).map(Object::toString).forEach(words::add);
    return words;
  }

  /** The states of the bar that the terminal received. */
  private static List<String> bars(PseudoTerminal terminal, String task) throws IOException {
    return Stream.of(terminal.received().split("[\r\n]+(\u001b\\[K)?"))
        .filter(line -> line.startsWith(task + " ["))
        .map(line -> line.replace("^C", "")) // the terminal's echo
        .toList();
  }

  /** Whether a bar counts two images or more. Redrawn at intervals, it may leave out any count. */
  private static boolean hasBegun(String text) {
    return SECOND_IMAGE_OR_LATER.matcher(text).find();
  }

  private static void assertBars(List<String> bars, int columns) {
    assertFalse(bars.isEmpty());
    for (String bar : bars) {
      assertTrue(bar.length() < columns, bar);
      assertTrue(bar.indexOf(']') - bar.indexOf('[') > 25, bar);
      assertTrue(bar.contains("/" + IMAGES), bar);
    }
  }

  private static void await(PseudoTerminal terminal, Predicate<String> isThere) throws Exception {
    while (!isThere.test(terminal.received())) {
      assertTrue(terminal.isAlive(), terminal.received());
      Thread.sleep(20);
    }
  }

  private static void stop(PseudoTerminal terminal) throws Exception {
    terminal.pressCtrlC();
    assertEquals(130, terminal.awaitEnd(), terminal.received());
  }

  private void assertNothingTemporary() throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      List<Path> temporary = files.filter(file -> file.toString().endsWith(".tmp")).toList();
      assertEquals(List.of(), temporary);
    }
  }

  @Test
  void detectShowsABarAndAfterCtrlCItsFilesAreWholeOrAbsent() throws Exception {
    Path json = folder.resolve("found.json");
    Path drawn = folder.resolve("drawn");
    List<String> words = words("detect", "--json", json, "--out", drawn, images(128, 96));
    try (PseudoTerminal terminal = new PseudoTerminal(80, folder.resolve("screen"), words)) {
      await(terminal, text -> Files.exists(drawn.resolve("1.png")) && hasBegun(text));
      stop(terminal);
      assertBars(bars(terminal, "detecting"), 80);
      List<String> screen = terminal.screen();
      assertTrue(screen.getLast().isBlank(), "the prompt comes after the bar: " + screen);
    }
    assertFalse(Files.exists(json));
    assertNothingTemporary();
    try (Stream<Path> files = Files.list(drawn)) {
      List<Path> whole = files.toList();
      assertTrue(whole.size() < IMAGES, "it was not interrupted");
      for (Path file : whole) {
        assertNotNull(ImageIO.read(file.toFile()), file.toString());
      }
    }
  }

  @Test
  void linesOfDetectStayAboveTheBar() throws Exception {
    Path made = images(128, 96);
    List<String> words = words("detect", "--score", "0.3", made.resolve("0.png"));
    words.add(made.resolve("1.png").toString());
    Files.writeString(made.resolve("1.png"), "no image");
    try (PseudoTerminal terminal = new PseudoTerminal(200, folder.resolve("screen"), words)) {
      assertEquals(1, terminal.awaitEnd(), terminal.received());
      List<String> screen = terminal.screen();
      String all = String.join("\n", screen);
      assertTrue(screen.stream().anyMatch(line -> line.startsWith(made + "/0.png  ")), all);
      assertTrue(screen.stream().anyMatch(line -> line.startsWith("cocoli: ")), all);
      assertTrue(screen.stream().anyMatch(line -> line.startsWith("detecting [=")), all);
    }
  }

  @Test
  void evalShowsABarAndAfterCtrlCThereIsNoFile() throws Exception {
    Path json = folder.resolve("metrics.json");
    Path made = images(128, 96);
    List<String> words = words("eval", "--data", coco(), "--images", made, "--json", json);
    try (PseudoTerminal terminal = new PseudoTerminal(120, folder.resolve("screen"), words)) {
      await(terminal, ProgressTest::hasBegun);
      stop(terminal);
      assertBars(bars(terminal, "evaluating"), 120);
    }
    assertFalse(Files.exists(json));
    assertNothingTemporary();
  }

  @Test
  void proposalsShowABarAndAfterCtrlCThereIsNoFile() throws Exception {
    Path out = folder.resolve("regions.bin");
    Path made = images(320, 240);
    Path coco = coco();
    Files.writeString(
        coco, Files.readString(coco).replace("128,\"height\":96", "320,\"height\":240"));
    List<String> words =
        words("proposals", "--data", coco, "--images", made, "--out", out, "--threads", 1);
    try (PseudoTerminal terminal = new PseudoTerminal(200, folder.resolve("screen"), words)) {
      await(terminal, ProgressTest::hasBegun);
      stop(terminal);
      assertBars(bars(terminal, "searching"), 200);
    }
    assertFalse(Files.exists(out));
    assertNothingTemporary();
  }

  @Test
  void familyWritesACheckpointAfterCtrlC() throws Exception {
    Path data = folder.resolve("data");
    new ShapeScenes(ShapeScenesConfig.of(64, 64, 3)).writeVoc(data, 4, 2);
    Path out = folder.resolve("family");
    List<String> words = new ArrayList<>(List.of("family", "--data", data.toString()));
    words.addAll(List.of("--out", out.toString(), "--network", "tiny", "--epochs", "100000"));
    words.addAll(List.of("--set", "min_size=64", "--set", "max_proposals=20"));
    words.addAll(List.of("--set", "warp_size=32", "--device", "cpu"));
    try (PseudoTerminal terminal = new PseudoTerminal(80, folder.resolve("screen"), words)) {
      Path metrics = out.resolve("rcnn_tiny/metrics.jsonl");
      await(terminal, _ -> Files.exists(metrics) && metrics.toFile().length() > 0);
      stop(terminal);
      String said = String.join("\n", terminal.screen());
      assertTrue(said.contains("stopped; the same command resumes"), said);
    }
    assertTrue(Files.exists(out.resolve("rcnn_tiny/state.safetensors")));
    assertFalse(Files.exists(out.resolve("family.json")));
    assertNothingTemporary();
  }
}

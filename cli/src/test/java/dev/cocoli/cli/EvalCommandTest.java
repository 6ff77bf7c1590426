package dev.cocoli.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Evaluates a file of detections, as pycocotools does. */
class EvalCommandTest {
  private static final List<String> NAMES =
      List.of(
          "AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl");

  @TempDir private Path folder;

  @Test
  void whatIsReadIsNotOverwritten() throws IOException {
    Path groundTruth = Cli.unpack("eval/coco-a/ground_truth.json", folder);
    Path found = Cli.unpack("eval/coco-a/detections.json", folder);
    byte[] before = Files.readAllBytes(found);
    for (Path file : List.of(groundTruth, found)) {
      Cli.run("eval", "--ground-truth", groundTruth, "--detections", found, "--json", file)
          .failed(1, file.toString(), "overwrite");
    }
    assertArrayEquals(before, Files.readAllBytes(found));
  }

  @Test
  void minusOneIsExplained() throws IOException {
    Path groundTruth =
        Files.writeString(
            folder.resolve("truth.json"),
            "{\"images\": [{\"id\": 1}], \"categories\": [{\"id\": 1, \"name\": \"cat\"},"
                + " {\"id\": 2, \"name\": \"dog\"}], \"annotations\": [{\"image_id\": 1,"
                + " \"category_id\": 1, \"bbox\": [1, 1, 9, 9]}]}");
    Path found = Files.writeString(folder.resolve("found.json"), "[]");
    Cli cli = Cli.run("eval", "--ground-truth", groundTruth, "--detections", found).ok();
    assertTrue(cli.out().contains(" dog  AP -1.000"), cli.out());
    assertTrue(cli.out().contains("-1: the ground truth has no such object"), cli.out());
  }

  @ParameterizedTest
  @ValueSource(strings = {"coco-a", "coco-b", "coco-c"})
  void writesTheTwelveNumbers(String name) throws IOException {
    Path json = folder.resolve("numbers.json");
    Cli cli =
        Cli.run(
                "eval",
                "--ground-truth",
                Cli.unpack("eval/" + name + "/ground_truth.json", folder),
                "--detections",
                Cli.unpack("eval/" + name + "/detections.json", folder),
                "--json",
                json)
            .ok();
    JsonNode expected = new ObjectMapper().readTree(Cli.read("eval/" + name + "/expected.json"));
    JsonNode written = new ObjectMapper().readTree(json.toFile());
    for (String number : NAMES) {
      assertEquals(expected.get(number).asDouble(), written.get(number).asDouble(), 1e-9, number);
    }
    assertEquals(12, cli.out().lines().filter(line -> line.contains("@[ IoU=")).count());
    assertTrue(written.get("classes").size() > 0);
  }

  @Test
  void wrongFilesAreNamed() throws IOException {
    Path groundTruth = Cli.unpack("eval/coco-a/ground_truth.json", folder);
    Path missing = folder.resolve("missing.json");
    eval(groundTruth, missing).failed(1, missing.toString(), "no such file");
    Path broken = Files.writeString(folder.resolve("broken.json"), "[{\"image_id\": 1,");
    eval(groundTruth, broken).failed(1, broken.toString());
    eval(broken, groundTruth).failed(1, broken.toString());
  }

  @Test
  void unwritableJsonIsToldBeforeTheWork() throws IOException {
    Path file = Files.writeString(folder.resolve("file"), "");
    Path groundTruth = Cli.unpack("eval/coco-a/ground_truth.json", folder);
    Cli.run(
            "eval",
            "--ground-truth",
            groundTruth,
            "--detections",
            groundTruth,
            "--json",
            file.resolve("x.json"))
        .failed(1, "cannot write", file.toString());
  }

  private static Cli eval(Path groundTruth, Path detections) {
    return Cli.run("eval", "--ground-truth", groundTruth, "--detections", detections);
  }
}

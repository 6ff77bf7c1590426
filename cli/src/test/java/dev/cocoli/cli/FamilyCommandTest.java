package dev.cocoli.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cocoli.data.synthetic.ShapeScenes;
import dev.cocoli.data.synthetic.ShapeScenesConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Runs R-CNN and Fast R-CNN from the command line, and the command that compares all three
 * detectors.
 */
@Tag("slow")
class FamilyCommandTest {
  @TempDir private Path folder;
  private Path data;

  @BeforeEach
  void makeData() throws IOException {
    data = folder.resolve("data");
    new ShapeScenes(ShapeScenesConfig.of(64, 64, 3)).writeVoc(data, 4, 2);
  }

  private Cli family(Object... more) {
    List<Object> words = new ArrayList<>();
    words.addAll(List.of("family", "--data", data, "--out", folder.resolve("family")));
    words.addAll(List.of("--network", "tiny", "--epochs", "1", "--timed", "1"));
    words.addAll(List.of("--set", "min_size=64", "--set", "max_proposals=20"));
    words.addAll(List.of("--set", "warp_size=32"));
    words.addAll(Arrays.asList(more));
    return Cli.run(words.toArray());
  }

  @Test
  void comparesTheThreeInOneTable() throws IOException {
    Cli first = family().ok();
    JsonNode rows =
        new ObjectMapper().readTree(folder.resolve("family").resolve("family.json").toFile());
    assertEquals(3, rows.size());
    for (JsonNode row : rows) {
      assertTrue(first.out().contains(row.get("model").asText() + " "), first.out());
      assertTrue(row.get("training_seconds").asDouble() > 0, row.toString());
      double parts =
          row.get("proposals_seconds").asDouble()
              + row.get("features_seconds").asDouble()
              + row.get("head_seconds").asDouble();
      assertEquals(parts, row.get("seconds_per_picture").asDouble(), 1e-9);
      assertTrue(row.get("features_seconds").asDouble() > 0, row.toString());
    }
    assertEquals(47, rows.get(0).get("paper_seconds").asDouble());

    Cli again = family().ok(); // nothing is trained twice
    assertFalse(again.out().contains("step "), again.out());
    Path weights = folder.resolve("family").resolve("fastrcnn_tiny").resolve("last.safetensors");
    Path regions = folder.resolve("family").resolve("proposals-validation.bin");
    Cli.run("eval", "--weights", weights, "--data", data, "--split", "val", "--proposals", regions)
        .ok();
    Cli.run(
            "eval",
            "--weights",
            weights,
            "--data",
            data,
            "--split",
            "train",
            "--proposals",
            regions)
        .failed(1, "proposals-validation.bin");
    String image = Files.readAllLines(data.resolve("ImageSets/Main/val.txt")).getFirst();
    Path jpeg = data.resolve("JPEGImages").resolve(image + ".jpg");
    Path file = Files.exists(jpeg) ? jpeg : data.resolve("JPEGImages").resolve(image + ".png");
    Cli.run("detect", "--weights", weights, "--proposals", regions, file).ok();
  }

  @Test
  void saysWhatNoneOfTheThreeHas() {
    family("--set", "colour=red").failed(2, "colour");
    Cli.run("family", "--data", data, "--out", folder.resolve("none"), "--network", "resnet19")
        .failed(2, "--network: 'resnet19' is none of resnet18, ");
    assertFalse(Files.exists(folder.resolve("none")));
  }

  @Test
  void refusesWhatMeansNothingToAModel() {
    Path out = folder.resolve("run");
    Cli.run(
            "train",
            "--data",
            data,
            "--model",
            "fastrcnn_tiny",
            "--out",
            out,
            "--set",
            "rpn_nms_thresh=0.5")
        .failed(2, "rpn_nms_thresh means nothing to fastrcnn_tiny");
    Cli.run(
            "train",
            "--data",
            data,
            "--model",
            "fasterrcnn_tiny_fpn",
            "--out",
            out,
            "--proposals",
            folder.resolve("some.bin"))
        .failed(2, "--proposals: a fasterrcnn_tiny_fpn finds its regions itself");
    Cli.run(
            "train",
            "--data",
            data,
            "--model",
            "rcnn_tiny",
            "--out",
            out,
            "--proposals",
            folder.resolve("some.bin"))
        .failed(1, "some.bin");
  }
}

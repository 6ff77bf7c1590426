package dev.cocoli.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.data.synthetic.ShapeScenes;
import dev.cocoli.data.synthetic.ShapeScenesConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Checks that a command that fails before it writes leaves no folder. */
class FailedStartTest {
  @TempDir private Path folder;
  private Path data;
  private Path missing;
  private Path out;

  @BeforeEach
  void makeData() throws IOException {
    data = folder.resolve("data");
    missing = folder.resolve("missing");
    out = folder.resolve("new/run");
    new ShapeScenes(ShapeScenesConfig.of(64, 64, 3)).writeVoc(data, 2, 1);
  }

  @Test
  void trainingWithoutItsProposals() throws IOException {
    Cli.run(
            "train",
            "--data",
            data,
            "--model",
            "fastrcnn_tiny",
            "--out",
            out,
            "--device",
            "cpu",
            "--proposals",
            missing)
        .failed(1, missing.toString());
    assertNothingNew();
  }

  @Test
  void trainingFromWeightsThatAreNone() throws IOException {
    Path weights = Files.writeString(data.resolve("weights.safetensors"), "nothing");
    Cli.run(
            "train",
            "--data",
            data,
            "--model",
            "fasterrcnn_tiny_fpn",
            "--out",
            out,
            "--device",
            "cpu",
            "--weights",
            weights)
        .failed(1, weights.toString());
    assertNothingNew();
  }

  @Test
  void evaluationOfMissingDetections() throws IOException {
    Cli.run(
            "eval",
            "--ground-truth",
            missing,
            "--detections",
            missing,
            "--json",
            out.resolve("ap.json"))
        .failed(1, missing.toString());
    assertNothingNew();
  }

  @Test
  void proposalsOfNothing() throws IOException {
    Cli.run("proposals", "--data", missing, "--split", "train", "--out", out.resolve("regions"))
        .failed(1, missing.toString());
    assertNothingNew();
  }

  @Test
  void theFolderIsMadeForAResult() {
    Path regions = out.resolve("regions");
    Cli.run("proposals", "--data", data, "--split", "val", "--out", regions).ok();
    assertTrue(Files.exists(regions));
  }

  private void assertNothingNew() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      assertEquals(List.of(data), files.toList());
    }
  }
}

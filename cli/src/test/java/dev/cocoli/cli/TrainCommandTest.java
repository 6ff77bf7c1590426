package dev.cocoli.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cocoli.data.synthetic.ShapeScenes;
import dev.cocoli.data.synthetic.ShapeScenesConfig;
import dev.cocoli.nn.Safetensors;
import dev.cocoli.train.optim.StepSchedule;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Training from the command line: what it leaves, and what it says of bad input. */
@Tag("slow")
class TrainCommandTest {
  @TempDir private Path folder;
  private Path data;
  private Path out;

  @BeforeEach
  void makeData() throws IOException {
    data = folder.resolve("data");
    out = folder.resolve("run");
    new ShapeScenes(ShapeScenesConfig.of(64, 64, 3)).writeVoc(data, 6, 2);
  }

  @Test
  void leavesARunThatDetectAndEvalCanUse() throws IOException {
    Cli cli = train("--epochs", "2").ok();
    for (String name :
        List.of(
            "config.json",
            "metrics.jsonl",
            "last.safetensors",
            "best.safetensors",
            "losses.png",
            "ap.png",
            "detections.png")) {
      assertTrue(Files.size(out.resolve(name)) > 0, name);
    }
    List<String> lines = Files.readAllLines(out.resolve("metrics.jsonl"));
    assertEquals(6 + 2, lines.size(), lines.toString());
    JsonNode step = new ObjectMapper().readTree(lines.getFirst());
    assertEquals(1, step.get("step").asInt());
    assertEquals(
        step.get("loss").asDouble(),
        step.get("loss_classifier").asDouble()
            + step.get("loss_box_reg").asDouble()
            + step.get("loss_objectness").asDouble()
            + step.get("loss_rpn_box_reg").asDouble(),
        1e-5);
    assertEquals(0.02 * 2 / 16, step.get("lr").asDouble(), 1e-9);
    assertTrue(cli.out().contains("6 images"), cli.out());
    assertTrue(cli.out().contains("note: no --weights: "), cli.out());

    Path weights = out.resolve("best.safetensors");
    Cli.run("detect", "--weights", weights, data.resolve("JPEGImages")).ok();
    Path json = folder.resolve("ap.json");
    Cli.run("eval", "--weights", weights, "--data", data, "--split", "val", "--json", json).ok();
    JsonNode best = new ObjectMapper().readTree(json.toFile());
    double logged =
        lines.stream()
            .filter(line -> line.contains("\"AP50\""))
            .mapToDouble(line -> read(line).get("AP").asDouble())
            .max()
            .orElseThrow();
    assertEquals(logged, best.get("AP").asDouble(), 1e-12);
  }

  @Test
  void goesOnWithARunAndNotOverIt() throws IOException {
    train("--epochs", "1").ok();
    train("--epochs", "1").failed(1, out.toString(), "resume");
    train("--epochs", "2", "--resume").ok();
    train("--epochs", "2", "--resume", "--batch", "3").failed(1, "batch");
    Cli.run("train", "--out", out, "--resume", "--batch", "3").failed(1, "batch was 2, is 3");
    Cli again = Cli.run("train", "--out", out, "--resume", "--epochs", "3").ok();
    assertTrue(again.out().contains("trained 9 of 9 steps"), again.out());
    assertFalse(again.out().contains("note: "), again.out());
    assertFalse(again.out().contains("to train longer"), again.out());
    Cli finished = Cli.run("train", "--out", out, "--resume").ok();
    String longer = "the run was finished; to train longer: cocoli ";
    String command = "train --out " + out + " --resume --epochs 6";
    assertTrue(finished.out().contains(longer + command + "\n"), finished.out());
    assertTrue(Cli.run((Object[]) command.split(" ")).ok().out().contains("trained 18 of 18"));
    assertRates(1, 4, 7, 10);
    out = folder.resolve("nothing");
    train("--resume").failed(1, out.toString());
    assertFalse(Files.exists(out), "a folder was made for a run that is not there");
  }

  /** Checks that the schedule was spread over all steps each time that a run got more of them. */
  private void assertRates(int... starts) throws IOException {
    int[] totals = {3, 6, 9, 18};
    int phase = 0;
    for (String line : Files.readAllLines(out.resolve("metrics.jsonl"))) {
      JsonNode step = read(line);
      if (step.has("lr")) {
        long number = step.get("step").asLong();
        while (phase + 1 < starts.length && number >= starts[phase + 1]) {
          phase++;
        }
        double factor = StepSchedule.DEFAULT.withWarmup(0).factorAt(number - 1, totals[phase]);
        assertEquals(0.0025 * factor, step.get("lr").asDouble(), 1e-12, line);
      }
    }
  }

  @Test
  void aRunThatStoppedEarlySaysHowItGoesOn() {
    train("--epochs", "5", "--early-stop", "1", "--lr", "1e-12").ok();
    Cli again = Cli.run("train", "--out", out, "--resume").ok();
    String command = "train --out " + out + " --resume --early-stop 2";
    String said = "the run had stopped early; to train on: cocoli " + command;
    assertTrue(again.out().contains(said), again.out());
    Cli longer = Cli.run((Object[]) command.split(" ")).ok();
    assertTrue(longer.out().contains(", from step "), longer.out());
    assertFalse(longer.out().contains("the run had stopped early"), longer.out());
  }

  /** The guide says that the state of a finished run may be deleted. */
  @Test
  void weightsAreNotOverwrittenByARunWhoseStateIsGone() throws IOException {
    train("--epochs", "1").ok();
    Files.delete(out.resolve("state.safetensors"));
    byte[] best = Files.readAllBytes(out.resolve("best.safetensors"));
    Cli.run("train", "--out", out, "--resume", "--epochs", "2")
        .failed(1, "no state.safetensors", "from " + out.resolve("best.safetensors"));
    assertArrayEquals(best, Files.readAllBytes(out.resolve("best.safetensors")));
  }

  private void deleteCheckpoint() throws IOException {
    for (String name : List.of("state", "last", "best")) {
      Files.delete(out.resolve(name + ".safetensors"));
    }
  }

  @Test
  void aRunFromWeightsOfARelativePathGoesOnWithoutACheckpoint() throws IOException {
    train("--epochs", "1").ok();
    Path here = Path.of("").toAbsolutePath();
    Path weights = here.relativize(out.resolve("last.safetensors"));
    out = folder.resolve("second");
    train("--epochs", "1", "--weights", weights).ok();
    deleteCheckpoint();
    Cli cli = Cli.run("train", "--out", out, "--resume").ok();
    assertTrue(cli.err().contains("has no checkpoint"), cli.err());
  }

  @Test
  void badDataIsNamed() throws IOException {
    Path whole = data;
    data = Files.createDirectory(folder.resolve("empty"));
    train().failed(1, data.toString(), "JPEGImages");
    data = folder.resolve("missing");
    train().failed(1, data.toString());
    data = whole;
    train("--split", "nothing").failed(1, "nothing", "train, trainval, val");
    assertFalse(Files.exists(out), "a run folder was made for nothing");
  }

  @Test
  void entitiesInXmlAreRefused() throws IOException {
    Path secret = Files.writeString(folder.resolve("secret"), "circle");
    try (var files = Files.list(data.resolve("Annotations"))) {
      Path xml = files.sorted().findFirst().orElseThrow();
      Files.writeString(
          xml,
          "<?xml version=\"1.0\"?>\n<!DOCTYPE a [<!ENTITY e SYSTEM \""
              + secret.toUri()
              + "\">]>\n<annotation><filename>&e;</filename></annotation>\n");
      train().failed(1, xml.toString());
    }
  }

  @Test
  void otherClassesAreRefused() throws IOException {
    train("--epochs", "1").ok();
    Path weights = out.resolve("last.safetensors");
    Path other = folder.resolve("other");
    copyWithout(data, other, "star");
    Cli.run("eval", "--weights", weights, "--data", data, "--split", "val", "--classes", "2")
        .failed(1, weights.toString(), "2");
  }

  @Test
  void aDetectorOfOtherClassesIsFineTuned() throws IOException {
    train("--epochs", "1").ok();
    Path weights = out.resolve("last.safetensors");
    Path bare = folder.resolve("bare.safetensors");
    try (Safetensors file = Safetensors.open(weights)) {
      Safetensors.write(bare, Map.of(), file.entries());
    }
    Path names = Files.writeString(folder.resolve("names.txt"), "circle\nbox\ntriangle\ndisc\n");
    Path list = Files.writeString(folder.resolve("list.txt"), "circle\nsquare\n");
    for (Path start : List.of(weights, bare)) {
      out = folder.resolve("second-" + start.getFileName());
      Cli cli = train("--epochs", "1", "--weights", start, "--classes", list).ok();
      String taken = "taken from " + start + ": ";
      assertTrue(cli.out().contains(taken), cli.out());
      boolean named = start.equals(weights);
      assertEquals(named, cli.out().contains(" and the rows of the background and of"), cli.out());
      assertEquals(!named, cli.out().contains("the weights do not name theirs"), cli.out());
      String fresh = named ? "new: nothing" : "new: roi_heads.box_predictor.cls_score.weight, ";
      assertTrue(cli.out().contains(fresh), cli.out());
    }
    out = folder.resolve("third");
    Cli cli = train("--epochs", "1", "--weights", bare, "--classes", names).ok();
    assertTrue(cli.out().contains("the rows of the background and of circle"), cli.out());
    deleteCheckpoint();
    Cli again = Cli.run("train", "--out", out, "--resume").ok();
    assertTrue(again.out().contains("the rows of the background and of circle"), again.out());
    out = folder.resolve("of-the-same-model");
    Cli.run("train", "--data", data, "--out", out, "--weights", weights, "--epochs", 1).ok();
    assertTrue(Files.readString(out.resolve("config.json")).contains("fasterrcnn_tiny_fpn"));
    Cli.run("train", "--data", data, "--out", folder.resolve("no"), "--weights", bare)
        .failed(2, "--model is needed", bare.toString());
    out = folder.resolve("fourth");
    train("--epochs", "1", "--weights", bare, "--classes", "coco")
        .failed(1, bare.toString(), "has 4 classes, not the 90 that were named");
  }

  @Test
  void unwritableFoldersAreTold() throws IOException {
    out = Files.writeString(folder.resolve("file"), "").resolve("run");
    train().failed(1, "cannot write", out.toString());
    out = out.getParent();
    train().failed(1, "cannot write", out.toString());
  }

  @Test
  void cudaIsRefused() {
    train("--device", "cuda").failed(1, "--device cuda");
  }

  private static JsonNode read(String line) {
    try {
      return new ObjectMapper().readTree(line);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private static void copyWithout(Path from, Path to, String className) throws IOException {
    try (var files = Files.walk(from)) {
      for (Path file : files.toList()) {
        Path target = to.resolve(from.relativize(file).toString());
        if (Files.isDirectory(file)) {
          Files.createDirectories(target);
        } else if (file.toString().endsWith(".xml")) {
          Files.writeString(target, Files.readString(file).replace(className, "other"));
        } else {
          Files.copy(file, target);
        }
      }
    }
  }

  @Test
  void trainsOnSeveralReplicas() throws IOException {
    Cli cli = train("--epochs", "1", "--device", "cpu,cpu", "--timeout", "120").ok();
    assertTrue(cli.out().contains("trained 3 of 3 steps"), cli.out());
    List<String> lines = Files.readAllLines(out.resolve("metrics.jsonl"));
    assertEquals(3 + 1, lines.size(), lines.toString());
    assertTrue(read(lines.getFirst()).get("allreduce_seconds").asDouble() > 0, lines.getFirst());
    assertEquals(0.02 * 2 / 16, read(lines.getFirst()).get("lr").asDouble(), 1e-9);
    assertEquals(
        "cpu,cpu", read(Files.readString(out.resolve("config.json"))).get("device").asText());
    Path weights = out.resolve("last.safetensors");
    Cli.run("detect", "--weights", weights, "--device", "cpu,cpu", data.resolve("JPEGImages"))
        .failed(2, "cpu,cpu", "one device, not on 2");
    train("--epochs", "2", "--device", "cpu", "--resume").ok();
    train("--epochs", "4", "--device", "cpu,cpu", "--resume", "--last-batch", "keep")
        .failed(1, "last_batch was");
    train("--epochs", "3", "--device", "cpu,cpu", "--resume", "--sync-batch-norm").ok();
  }

  @Test
  void whatSeveralReplicasCannotDoIsUsage() {
    train("--batch", "3", "--device", "cpu,cpu").failed(2, "--batch", "3 images", "use 2 or 4");
    train("--timeout", "0", "--device", "cpu,cpu").failed(2, "--timeout");
    train("--device", "cpu,cpu", "--sync-batch-norm", "--last-batch", "keep")
        .failed(2, "drop the last batch");
    train("--gradient-precision", "fp8").failed(2, "--gradient-precision", "fp8");
    Cli.run(
            "train",
            "--data",
            data,
            "--out",
            out,
            "--model",
            "rcnn_resnet18",
            "--device",
            "cpu,cpu")
        .failed(2, "rcnn_resnet18", "one device");
    Cli.run(
            "train",
            "--data",
            data,
            "--out",
            out,
            "--model",
            "fastrcnn_resnet18",
            "--device",
            "cpu,cpu")
        .failed(2, "fastrcnn_resnet18", "cocoli proposals");
  }

  private Cli train(Object... args) {
    List<Object> all =
        new ArrayList<>(
            List.of("train", "--data", data, "--model", "fasterrcnn_tiny_fpn", "--out", out));
    all.addAll(
        List.of("--min-size", "64", "--max-size", "64", "--warmup", "0", "--log-every", "1"));
    all.addAll(Arrays.asList(args));
    return Cli.run(all.toArray());
  }
}

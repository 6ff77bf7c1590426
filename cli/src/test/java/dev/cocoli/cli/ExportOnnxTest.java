package dev.cocoli.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Exports detectors as ONNX models from the command line; what is in them, the module tests. */
class ExportOnnxTest {
  private static final Path WEIGHTS =
      Path.of("../onnx/src/test/resources/detectors/fasterrcnn_tinyvgg.safetensors");

  @TempDir private Path folder;

  @Test
  void writesAModelAndSaysWhatItTakes() {
    Path model = folder.resolve("new/model.onnx");
    Cli done = Cli.run("export", "--weights", WEIGHTS, "--out", model);
    assertEquals(0, done.code(), done.err());
    assertEquals(
        "model: " + model + " (ONNX, opset 17, image [3,H,W] to boxes, labels, scores)",
        done.out().strip());
    assertTrue(Files.exists(model));
  }

  @Test
  @Tag("slow")
  void theOptionsChangeTheModel() throws IOException {
    Path all = folder.resolve("all.onnx");
    Path heads = folder.resolve("heads.ONNX");
    assertEquals(0, Cli.run("export", "--weights", WEIGHTS, "--out", all).code());
    Cli done =
        Cli.run(
            "export",
            "--weights",
            WEIGHTS,
            "--out",
            heads,
            "--opset",
            14,
            "--parts",
            "heads",
            "--input",
            "batch",
            "--set",
            "box_nms_thresh=0.4");
    assertEquals(0, done.code(), done.err());
    assertTrue(
        done.out().contains("opset 14, images [N,3,H,W] to boxes and scores of each proposal"),
        done.out());
    assertTrue(contains(all, "NonMaxSuppression"));
    assertFalse(contains(heads, "NonMaxSuppression"));
    assertTrue(contains(heads, "\"box_nms_thresh\":\"0.4\""));
  }

  private static boolean contains(Path file, String text) throws IOException {
    return Files.readString(file, StandardCharsets.ISO_8859_1).contains(text);
  }

  @Test
  void badOptionsAreOneLine() {
    Path model = folder.resolve("model.onnx");
    usage("--opset: opset 13 is not supported: 14 to 21 are", model, "--opset", 13);
    usage("--out ends with .safetensors or .onnx", folder.resolve("model.pb"));
    usage(
        "--opset, --parts and --input are for an --out that ends with .onnx",
        folder.resolve("model.safetensors"),
        "--parts",
        "heads");
    usage("Invalid value for option '--parts'", model, "--parts", "tail");
    assertFalse(Files.exists(model));
  }

  private static void usage(String message, Path out, Object... options) {
    Object[] words = {"export", "--weights", WEIGHTS, "--out", out};
    Object[] all = Arrays.copyOf(words, words.length + options.length);
    System.arraycopy(options, 0, all, words.length, options.length);
    Cli done = Cli.run(all);
    assertEquals(2, done.code(), done.err());
    assertEquals(1, done.err().lines().count(), done.err());
    assertTrue(done.err().contains(message), done.err());
  }

  @Test
  void otherModelsAreRefusedInOneLine() {
    Path model = folder.resolve("model.onnx");
    Cli done =
        Cli.run("export", "--weights", WEIGHTS, "--out", model, "--model", "fasterrcnn_tiny_fpn");
    assertEquals(1, done.code());
    assertEquals(
        "cocoli: "
            + WEIGHTS
            + " is of a fasterrcnn_tinyvgg, not of a fasterrcnn_tiny_fpn (--model)",
        done.err().strip());
    assertFalse(Files.exists(model));
  }

  @Test
  void theWeightsAreNotOverwritten() throws IOException {
    Path weights = Files.copy(WEIGHTS, folder.resolve("weights.onnx"));
    Cli done = Cli.run("export", "--weights", weights, "--out", weights);
    assertEquals(1, done.code());
    assertTrue(done.err().contains("that would overwrite what is read"), done.err());
    assertEquals(Files.size(WEIGHTS), Files.size(weights));
  }
}

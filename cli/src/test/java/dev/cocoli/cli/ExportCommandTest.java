package dev.cocoli.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.nn.Safetensors;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Weights are converted from the command line, and can be used without further words then. */
class ExportCommandTest {
  private static final String TINY = "oracle/frcnn-tiny-batch-0/weights.safetensors";

  @TempDir private Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"read_in_model.zip.pth", "read_f16.stream.pth"})
  void arraysBecomeSafetensorsAsTheyAre(String name) throws IOException {
    Path weights = Cli.unpack("weights/files/" + name, folder);
    String type = name.contains("f16") ? "F16" : "F32";
    Path plain = Cli.unpack("weights/files/" + type + ".safetensors", folder);
    Path out = folder.resolve("new/out.safetensors");
    Cli cli = Cli.run("export", "--weights", weights, "--out", out).ok();
    assertTrue(cli.out().contains("weights: " + out), cli.out());
    assertSameArrays(plain, out);
  }

  private static void assertSameArrays(Path one, Path other) throws IOException {
    try (Safetensors before = Safetensors.open(one);
        Safetensors after = Safetensors.open(other)) {
      after.requireIntact();
      assertEquals(before.entries().keySet(), after.entries().keySet());
      before
          .entries()
          .forEach(
              (key, entry) -> {
                Safetensors.Entry written = after.entries().get(key);
                assertEquals(entry.dtype(), written.dtype(), key);
                assertEquals(entry.shape(), written.shape(), key);
                assertArrayEquals(
                    entry.data().toArray(ValueLayout.JAVA_BYTE),
                    written.data().toArray(ValueLayout.JAVA_BYTE),
                    key);
              });
    }
  }

  @Test
  void modelAndClassesAreWrittenIntoTheFile() throws IOException {
    Path weights = Cli.unpack(TINY, folder);
    Path names = Files.writeString(folder.resolve("names.txt"), "nut\nbolt\nscrew\n");
    Path out = folder.resolve("OUT.SafeTensors");
    Cli.run(
            "export",
            "--weights",
            weights,
            "--model",
            "fasterrcnn_tiny_fpn",
            "--classes",
            names,
            "--set",
            "min_size=96",
            "--out",
            out)
        .ok();
    assertSameArrays(weights, out);
    try (Safetensors written = Safetensors.open(out)) {
      Map<String, String> metadata = written.metadata();
      assertEquals("fasterrcnn_tiny_fpn", metadata.get("cocoli.model"));
      assertEquals("[\"nut\",\"bolt\",\"screw\"]", metadata.get("cocoli.classes"));
      assertTrue(metadata.get("cocoli.config").contains("\"min_size\":\"96\""));
    }
    Path image = folder.resolve("a.png");
    ImageIO.write(new BufferedImage(80, 60, BufferedImage.TYPE_INT_RGB), "png", image.toFile());
    Cli.run("detect", "--weights", out, image).ok();
    Path again = folder.resolve("again.safetensors");
    Cli.run("export", "--weights", out, "--out", again).ok();
    assertArrayEquals(Files.readAllBytes(out), Files.readAllBytes(again));
  }

  @Test
  void whatCannotBeWrittenIsTold() throws IOException {
    Path weights = Cli.unpack(TINY, folder);
    Path out = folder.resolve("out.safetensors");
    Cli.run("export", "--out", out).failed(2, "--weights");
    Cli.run("export", "--weights", weights).failed(2, "--out");
    Cli.run("export", "--weights", weights, "--out", "out.h5").failed(2, "out.h5", ".safetensors");
    Cli.run("export", "--weights", weights, "--out", weights).failed(1, "overwrite");
    Cli.run("export", "--weights", weights, "--model", "fasterrcnn_tiny_fpn", "--out", out)
        .failed(1, "--classes");
    Cli.run("export", "--weights", weights, "--set", "min_size=96", "--out", out)
        .failed(1, "--model NAME and --classes");
    Cli.run("export", "--weights", weights, "--precision", "bf16", "--out", out)
        .failed(2, "unknown option '--precision'");
    Cli.run(
            "export",
            "--weights",
            weights,
            "--model",
            "fasterrcnn_tiny_fpn",
            "--classes",
            "coco",
            "--out",
            out)
        .failed(1, weights.toString(), "has 3 classes", "--classes says 90");
    assertFalse(Files.exists(out));
  }
}

package dev.cocoli.examples;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.data.synthetic.ShapeScenes;
import dev.cocoli.data.synthetic.ShapeScenesConfig;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs the examples: one trains a detector, the others use it. */
class ExamplesTest {
  @TempDir private Path folder;

  @Test
  void trainAndDetect() throws Exception {
    Path data = folder.resolve("data");
    new ShapeScenes(ShapeScenesConfig.of(64, 64, 5)).writeVoc(data, 8, 2);
    Path run = folder.resolve("run");
    String summary =
        printed(
            () ->
                TrainOnFolder.main(
                    new String[] {data.toString(), "fasterrcnn_tiny_fpn", "1", run.toString()}));
    assertTrue(summary.startsWith("trained 2 of 2 steps"), summary);

    Path weights = run.resolve("last.safetensors");
    Path image = data.resolve("JPEGImages/000008.jpg");
    assertTrue(Files.exists(image), image.toString());
    String lines =
        printed(() -> DetectOnFile.main(new String[] {weights.toString(), image.toString()}));
    assertTrue(lines.isEmpty() || lines.contains("Box["), lines);
    assertTrue(DetectOnImage.countSure(weights, ImageIO.read(image.toFile())) >= 0);
  }

  private interface Program {
    void run() throws IOException;
  }

  private static String printed(Program program) throws IOException {
    PrintStream before = System.out;
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    System.setOut(new PrintStream(bytes, true, StandardCharsets.UTF_8));
    try {
      program.run();
    } finally {
      System.setOut(before);
    }
    return bytes.toString(StandardCharsets.UTF_8);
  }
}

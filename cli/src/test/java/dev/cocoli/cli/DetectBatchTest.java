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
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Several images at once from the command line: in batches, and drawn beside the computation. */
@Tag("slow")
class DetectBatchTest {
  private static final String BROKEN = "bb.png";

  @TempDir private static Path shared;
  private static Path weights;

  @TempDir private Path folder;
  private Path images;

  @BeforeAll
  static void unpackWeights() throws IOException {
    weights = Cli.unpack("oracle/frcnn-tiny-batch-0/weights.safetensors", shared);
  }

  /** Four images, two of the same size, and a broken one in the middle of a batch. */
  @BeforeEach
  void makeImages() throws IOException {
    images = Files.createDirectory(folder.resolve("images"));
    write("a", 96, 128);
    write("b", 120, 90);
    write("c", 96, 128);
    write("d", 128, 96);
    Files.writeString(images.resolve(BROKEN), "no image");
  }

  private void write(String name, int height, int width) throws IOException {
    ShapeScenes scenes = new ShapeScenes(ShapeScenesConfig.of(height, width, name.hashCode()));
    ImageIO.write(scenes.scene(0).image(), "png", images.resolve(name + ".png").toFile());
  }

  private static Cli detect(Object... args) {
    List<Object> all = new ArrayList<>(List.of("detect", "--device", "cpu", "--weights", weights));
    all.addAll(List.of("--model", "fasterrcnn_tiny_fpn", "--classes", "3"));
    all.addAll(List.of("--min-size", "96", "--max-size", "160"));
    all.addAll(Arrays.asList(args));
    return Cli.run(all.toArray());
  }

  private JsonNode found(int batch) throws IOException {
    Path json = folder.resolve("found-" + batch + ".json");
    detect("--batch", batch, "--json", json, images).failed(1, BROKEN);
    return new ObjectMapper().readTree(json.toFile());
  }

  /** Images of one size have the same padding in every batch; sums may be rounded otherwise. */
  @Test
  void aBatchOfOneSizeFindsWhatSingleImagesDo() throws IOException {
    write("b", 96, 128);
    write("d", 96, 128);
    JsonNode single = found(1);
    assertEquals(single, found(1));
    assertTrue(single.size() > 8, single.toString());
    for (int batch : List.of(2, 3, 50)) {
      JsonNode together = found(batch);
      assertEquals(single.size(), together.size(), "batch " + batch);
      for (int i = 0; i < single.size(); i++) {
        JsonNode one = single.get(i);
        JsonNode other = together.get(i);
        assertEquals(one.get("file_name"), other.get("file_name"));
        assertEquals(one.get("image_id"), other.get("image_id"));
        assertEquals(one.get("category_id"), other.get("category_id"));
        assertEquals(one.get("score").asDouble(), other.get("score").asDouble(), 1e-4);
        for (int edge = 0; edge < 4; edge++) {
          double expected = one.get("bbox").get(edge).asDouble();
          assertEquals(expected, other.get("bbox").get(edge).asDouble(), 0.01);
        }
      }
    }
  }

  /** The smaller images are padded, so that each has about the same best detection. */
  @Test
  void aBatchOfSeveralSizesKeepsTheOrderOfTheImages() throws IOException {
    JsonNode single = found(1);
    for (int batch : List.of(2, 50)) {
      JsonNode together = found(batch);
      for (String name : List.of("a.png", "b.png", "c.png", "d.png")) {
        JsonNode one = best(single, name);
        JsonNode other = best(together, name);
        assertEquals(one.get("image_id"), other.get("image_id"));
        assertEquals(one.get("score").asDouble(), other.get("score").asDouble(), 0.02, name);
      }
      List<String> files = together.findValuesAsText("file_name");
      assertEquals(files.stream().sorted().toList(), files);
    }
  }

  private static JsonNode best(JsonNode found, String name) {
    for (JsonNode one : found) {
      if (one.get("file_name").asText().equals(name)) {
        return one;
      }
    }
    throw new AssertionError("nothing was found in " + name);
  }

  @Test
  void aBatchHasAtLeastOneImage() {
    detect("--batch", 0, images).failed(2, "--batch is at least 1, not 0");
    Cli.run("eval", "--weights", weights, "--data", images, "--batch", "-3")
        .failed(2, "--batch is at least 1, not -3");
  }

  @Test
  void everyImageIsDrawn() throws IOException {
    Path drawn = folder.resolve("drawn");
    detect("--batch", 3, "--out", drawn, images).failed(1, BROKEN);
    for (String name : List.of("a.png", "b.png", "c.png", "d.png")) {
      assertTrue(ImageIO.read(drawn.resolve(name).toFile()).getWidth() > 0, name);
    }
    assertFalse(Files.exists(drawn.resolve(BROKEN)));
  }

  @Test
  void aDrawnImageThatCannotBeWrittenEndsTheCommand() throws IOException {
    Files.delete(images.resolve(BROKEN));
    Path drawn = Files.createDirectory(folder.resolve("drawn"));
    Files.createDirectories(drawn.resolve("d.png/full")); // the last image
    Path json = folder.resolve("found.json");
    detect("--out", drawn, "--json", json, images).failed(1, drawn.resolve("d.png").toString());
    assertFalse(Files.exists(json));
    assertTrue(Files.exists(drawn.resolve("a.png")));
  }
}

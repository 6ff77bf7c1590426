package dev.cocoli.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Runs detections from the command line and checks their output and the messages about bad input.
 */
class DetectCommandTest {
  @TempDir private static Path shared;
  private static Path weights;

  @TempDir private Path folder;
  private Path images;

  @BeforeAll
  static void unpackWeights() throws IOException {
    weights = Cli.unpack("oracle/frcnn-tiny-batch-0/weights.safetensors", shared);
  }

  @BeforeEach
  void makeImages() throws IOException {
    images = Files.createDirectory(folder.resolve("images"));
    write("a.png", "png", 128, 96);
    write("b.jpg", "jpg", 90, 120);
  }

  @Test
  void writesCocoResultsAndImages() throws IOException {
    Path json = folder.resolve("new/found.json");
    Path drawn = folder.resolve("drawn");
    detect("--json", json, "--out", drawn, images).ok();
    JsonNode found = new ObjectMapper().readTree(json.toFile());
    assertTrue(found.size() > 2, found.toString());
    for (JsonNode one : found) {
      assertEquals(
          one.get("image_id").asInt() == 0 ? "a.png" : "b.jpg", one.get("file_name").asText());
      assertEquals(one.get("category_id").asText(), one.get("category").asText());
      assertEquals(4, one.get("bbox").size());
      assertTrue(one.get("score").asDouble() > 0.05);
    }
    // small images are enlarged, so that there is room for the letters
    assertEquals(0, ImageIO.read(drawn.resolve("a.png").toFile()).getHeight() % 96);
    assertEquals(0, ImageIO.read(drawn.resolve("b.png").toFile()).getWidth() % 90);
  }

  /** The JVM finds no font where fontconfig has none and an earlier JVM left no list of them. */
  @Test
  @Tag("slow")
  void withoutFontsBoxesAreDrawnWithoutLabels() throws Exception {
    Path home = Files.createDirectory(folder.resolve("home"));
    Path noFonts =
        Files.writeString(
            folder.resolve("fonts.conf"),
            "<?xml version=\"1.0\"?><fontconfig><dir>" + home + "</dir></fontconfig>");
    Path drawn = folder.resolve("drawn");
    List<String> words = new ArrayList<>();
    words.add(ProcessHandle.current().info().command().orElseThrow());
    words.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-Duser.home=" + home));
    words.addAll(
        List.of("-Djava.awt.headless=true", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
    words.addAll(List.of("-cp", System.getProperty("java.class.path"), Main.class.getName()));
    words.addAll(List.of("detect", "--weights", weights.toString(), "--device", "cpu"));
    words.addAll(List.of("--model", "fasterrcnn_tiny_fpn", "--classes", "3", "--min-size", "96"));
    words.addAll(List.of("--score", "0.05", "--out", drawn.toString(), images.toString()));
    Path err = folder.resolve("err.txt");
    ProcessBuilder builder = new ProcessBuilder(words).redirectError(err.toFile());
    builder.redirectOutput(folder.resolve("out.txt").toFile());
    builder.environment().put("FONTCONFIG_FILE", noFonts.toString());
    assertEquals(0, builder.start().waitFor(), Files.readString(err));
    List<String> notes =
        Files.readAllLines(err).stream().filter(line -> line.startsWith("cocoli: ")).toList();
    assertEquals(1, notes.size(), notes.toString());
    assertTrue(notes.getFirst().contains("have no labels"), notes.toString());
    assertTrue(notes.getFirst().contains("install fontconfig"), notes.toString());
    BufferedImage bare = ImageIO.read(drawn.resolve("a.png").toFile());
    Path labelled = folder.resolve("labelled");
    detect("--score", "0.05", "--out", labelled, images).ok();
    BufferedImage whole = ImageIO.read(labelled.resolve("a.png").toFile());
    assertEquals(whole.getWidth(), bare.getWidth());
    BufferedImage plain = ImageIO.read(images.resolve("a.png").toFile());
    assertTrue(differences(bare, plain) > 100, "no box was drawn");
    assertTrue(differences(whole, bare) > 100, "there are labels");
  }

  /** The number of pixels of an image that differ from another, which may be smaller. */
  private static int differences(BufferedImage image, BufferedImage other) {
    int scale = image.getWidth() / other.getWidth();
    int count = 0;
    for (int y = 0; y < image.getHeight(); y++) {
      for (int x = 0; x < image.getWidth(); x++) {
        count += image.getRGB(x, y) == other.getRGB(x / scale, y / scale) ? 0 : 1;
      }
    }
    return count;
  }

  @Test
  void printsALineForEachObject() {
    List<String> all = detect("--score", "0.05", images).ok().out().lines().toList();
    List<String> sure = detect("--score", "1", images).ok().out().lines().toList();
    assertTrue(all.size() > sure.size(), all + " " + sure);
    assertTrue(all.getFirst().startsWith(images.resolve("a.png") + "  "), all.getFirst());
  }

  @Test
  void saysThatNothingWasFound() {
    Cli nothing = detect("--score", "1", images).ok();
    assertEquals("", nothing.out());
    String note = "note: no object scores more than 1.0; --score 0.05 shows what is less sure\n";
    assertEquals(note, nothing.err());
    Path drawn = folder.resolve("drawn");
    assertTrue(detect("--score", "1", "--out", drawn, images).ok().out().endsWith(note));
    assertEquals("", detect("--score", "0.05", images).ok().err());
  }

  @Test
  void namesForgeNoLineAndReachNoTerminal() throws IOException {
    write("c\n\u001b[2J\u0007.png", "png", 64, 64);
    Path names = Files.writeString(folder.resolve("names.txt"), "red\u001b[1m\nb\u009b\nc\u202e\n");
    List<Object> model = List.of("--weights", weights, "--model", "fasterrcnn_tiny_fpn");
    List<Object> all = new ArrayList<>(model);
    all.addAll(List.of("--min-size", 96, "--classes", names, "--score", "0.05", images));
    Cli found = run(all.toArray()).ok();
    assertFalse(found.out().isEmpty());
    for (String line : found.out().lines().toList()) {
      assertTrue(line.startsWith(images.toString()), line);
      assertTrue(line.chars().noneMatch(c -> Character.isISOControl(c) || c == 0x202e), line);
    }
    assertTrue(found.out().contains("c\\n\\u001b[2J\\u0007.png"), found.out());
    Cli missing = detect("no\u001b]0;title\u0007\ncocoli: all is well").failed(1, "no\\u001b]");
    assertFalse(missing.err().contains("\u0007"), missing.err());
  }

  /** The ids of results and of ground truth are the same, whatever the order of the files is. */
  @Test
  void idsAreThoseOfTheData() throws IOException {
    Path truth = folder.resolve("truth.json");
    Files.writeString(
        truth,
        """
        {"images": [{"id": 70, "file_name": "b.jpg", "width": 90, "height": 120},
                    {"id": 9, "file_name": "a.png", "width": 128, "height": 96}],
         "categories": [{"id": 5, "name": "cat"}, {"id": 7, "name": "dog"}, {"id": 90, "name": "ox"}],
         "annotations": [{"id": 1, "image_id": 70, "category_id": 90, "bbox": [5, 5, 60, 60]}]}
        """);
    Path json = folder.resolve("found.json");
    detect("--data", truth, "--images", images, "--json", json).ok();
    JsonNode found = new ObjectMapper().readTree(json.toFile());
    assertTrue(found.size() > 2, found.toString());
    for (JsonNode one : found) {
      boolean first = one.get("image_id").asInt() == 70;
      assertEquals(first ? "b.jpg" : "a.png", one.get("file_name").asText());
      assertEquals(
          List.of("cat", "dog", "ox")
              .get(List.of(5, 7, 90).indexOf(one.get("category_id").asInt())),
          one.get("category").asText());
    }
    Path scored = folder.resolve("scored.json");
    Cli.run(
            "eval",
            "--weights",
            weights,
            "--model",
            "fasterrcnn_tiny_fpn",
            "--classes",
            "3",
            "--min-size",
            "96",
            "--data",
            truth,
            "--images",
            images,
            "--device",
            "cpu",
            "--detections-out",
            scored)
        .ok();
    assertEquals(found, new ObjectMapper().readTree(scored.toFile()));
    Cli both = detect("--data", truth, "--images", images, images.resolve("a.png"));
    assertEquals(2, both.code());
    assertTrue(both.err().contains("give IMAGEs or --data, not both"), both.err());
  }

  /** As of torchvision's weights, which have rows of classes that COCO's files skip. */
  @Test
  void classesThatTheDataDoNotHaveAreLeftOutOfResults() throws IOException {
    Path truth =
        Files.writeString(
            folder.resolve("truth.json"),
            """
            {"images": [{"id": 70, "file_name": "b.jpg", "width": 90, "height": 120},
                        {"id": 9, "file_name": "a.png", "width": 128, "height": 96}],
             "categories": [{"id": 5, "name": "cat"}, {"id": 90, "name": "ox"}],
             "annotations": [{"id": 1, "image_id": 70, "category_id": 90, "bbox": [5, 5, 60, 60]}]}
            """);
    Path classes = Files.writeString(folder.resolve("names.txt"), "N/A 1\ncat\nox\n");
    Object[] model = {"--weights", weights, "--model", "fasterrcnn_tiny_fpn", "--classes", classes};
    Object[] where = {"--min-size", "96", "--device", "cpu", "--data", truth, "--images", images};
    Path found = folder.resolve("found.json");
    Path scored = folder.resolve("scored.json");
    Path metrics = folder.resolve("metrics.json");
    Cli detected = Cli.run(all("detect", model, where, "--json", found)).ok();
    Cli evaluated =
        Cli.run(all("eval", model, where, "--detections-out", scored, "--json", metrics)).ok();
    String note = "note: 1 class of the weights is none of the data's and left out of %s: N/A 1";
    assertTrue(detected.out().contains(note.formatted(found)), detected.out());
    assertTrue(evaluated.out().contains(note.formatted(scored)), evaluated.out());
    ObjectMapper mapper = new ObjectMapper();
    JsonNode results = mapper.readTree(found.toFile());
    List<String> ids = results.findValuesAsText("category_id");
    assertTrue(Set.of("5", "90").containsAll(ids), ids.toString());
    Path whole = folder.resolve("whole.json");
    Object[] files = {"--min-size", "96", "--device", "cpu", images};
    Cli.run(all("detect", model, files, "--json", whole)).ok();
    List<String> names = mapper.readTree(whole.toFile()).findValuesAsText("category");
    assertTrue(names.contains("N/A 1") && names.contains("ox"), names.toString());
    assertEquals(names.stream().filter(name -> !name.equals("N/A 1")).count(), ids.size());
    assertEquals(results, mapper.readTree(scored.toFile()));
    assertEquals(
        List.of("91", "5", "90"),
        mapper.readTree(metrics.toFile()).findValuesAsText("category_id"));
    Files.writeString(classes, "a\nb\nc\n");
    Cli.run(all("detect", model, where, "--json", found))
        .failed(1, "the class 'a' of the weights is none of the data's (cat, ox)");
  }

  private static Object[] all(String command, Object[] model, Object[] where, Object... more) {
    return Stream.of(new Object[] {command}, model, where, more).flatMap(Stream::of).toArray();
  }

  @Test
  void namesOfClassesComeFromAFile() throws IOException {
    Path names = Files.writeString(folder.resolve("names.txt"), "red cell\nwhite cell\nplatelet\n");
    Path json = folder.resolve("found.json");
    run(
            "--weights",
            weights,
            "--model",
            "fasterrcnn_tiny_fpn",
            "--classes",
            names,
            "--json",
            json,
            images)
        .ok();
    List<String> categories =
        new ObjectMapper().readTree(json.toFile()).findValuesAsText("category");
    assertTrue(
        List.of("red cell", "white cell", "platelet").containsAll(categories),
        categories.toString());
  }

  @Test
  void brokenImagesAreNamedAndTheOthersDone() throws IOException {
    byte[] whole = Files.readAllBytes(images.resolve("b.jpg"));
    Path truncated = images.resolve("aa.jpg");
    Files.write(truncated, Arrays.copyOf(whole, whole.length / 2));
    Path json = folder.resolve("found.json");
    detect("--json", json, images).failed(1, truncated.toString());
    List<String> files = new ObjectMapper().readTree(json.toFile()).findValuesAsText("file_name");
    assertTrue(files.containsAll(List.of("a.png", "b.jpg")), files.toString());

    detect(folder.resolve("missing.jpg")).failed(1, folder.resolve("missing.jpg").toString());
  }

  @Test
  void hugeImagesAreRefused() throws IOException {
    byte[] png = Files.readAllBytes(images.resolve("a.png"));
    ByteBuffer header = ByteBuffer.wrap(png).order(ByteOrder.BIG_ENDIAN);
    header.putInt(16, 100_000).putInt(20, 100_000);
    var crc = new java.util.zip.CRC32();
    crc.update(png, 12, 17);
    header.putInt(29, (int) crc.getValue());
    Path huge = Files.write(folder.resolve("huge.png"), png);
    detect(huge).failed(1, huge.toString(), "100000 x 100000".replace("100000", ""));
  }

  @Test
  void badWeightsAreNamed() throws IOException {
    Path missing = folder.resolve("missing.safetensors");
    run("--weights", missing, images).failed(1, missing.toString(), "no such file");

    byte[] lying = Files.readAllBytes(weights);
    ByteBuffer.wrap(lying).order(ByteOrder.LITTLE_ENDIAN).putLong(0, Long.MAX_VALUE);
    Path damaged = Files.write(folder.resolve("damaged.safetensors"), lying);
    run("--weights", damaged, images).failed(1, damaged.toString());

    run("--weights", folder, images).failed(1, folder.toString(), "it is a folder");

    run("--weights", weights, images).failed(1, weights.toString(), "--model", "--classes");
    run("--weights", weights, "--model", "fasterrcnn_tiny_fpn", "--classes", "5", images)
        .failed(1, weights.toString(), "has 3 classes", "--classes says 5");
    run("--weights", weights, "--model", "yolo", "--classes", "3", images).failed(2, "yolo");
  }

  @Test
  void badHyperParametersAreNamed() {
    detect("--set", "no_such_thing=1", images).failed(2, "no_such_thing", "box_nms_thresh");
    detect("--set", "box_nms_thresh=much", images).failed(2, "box_nms_thresh", "much");
    detect("--set", "box_nms_thresh=7", images).failed(2, "box_nms_thresh is 0 to 1, not 7.0");
    detect("--set", "box_nms_thresh", images).failed(2, "--set box_nms_thresh: the value");
    detect("--set", "min_size=64", images).failed(2, "min_size");
    detect("--score", "NaN", images).failed(2, "--score");
    detect("--score", "50", images).failed(2, "--score is at most 1");
  }

  @Test
  void emptyFoldersAndUnwritableOutputsAreTold() throws IOException {
    Path empty = Files.createDirectory(folder.resolve("empty"));
    detect(empty).failed(1, empty.toString(), "no image");
    detect(folder).failed(1, folder.toString(), "no image", "below it", "such as " + images);
    Path file = Files.writeString(folder.resolve("file"), "");
    detect("--out", file, images).failed(1, "cannot write", file.toString());
    detect("--json", file.resolve("x.json"), images).failed(1, "cannot write");
    detect("--json", empty, images).failed(1, "cannot write", empty.toString());
  }

  @Test
  void whatIsReadIsNotOverwritten() throws IOException {
    Path image = images.resolve("a.png");
    byte[] before = Files.readAllBytes(image);
    detect("--out", images, images).failed(1, image.toString(), "overwrite");
    detect("--out", folder.resolve("images/../images"), image).failed(1, "overwrite");
    detect("--json", image, images).failed(1, image.toString(), "overwrite");
    for (String name : List.of("hard", "soft")) {
      Path link = Files.createDirectory(folder.resolve(name)).resolve("a.png");
      if (name.equals("hard")) {
        Files.createLink(link, image);
      } else {
        Files.createSymbolicLink(link, image);
      }
      detect("--out", link.getParent(), images).failed(1, link.toString(), "overwrite");
    }
    assertArrayEquals(before, Files.readAllBytes(image));
    Path copy = Files.copy(weights, folder.resolve("copy.safetensors"));
    run("--weights", copy, "--model", "fasterrcnn_tiny_fpn", "--classes", 3, "--json", copy, image)
        .failed(1, copy.toString(), "overwrite");
    assertEquals(Files.size(weights), Files.size(copy));
    detect("--out", images, images.resolve("b.jpg")).ok();
    assertTrue(Files.exists(images.resolve("b.png")));
  }

  @Test
  void imagesOfOtherKindsInAFolderAreNamed() throws IOException {
    Path tiff = Files.writeString(images.resolve("c.TIF"), "II*\0");
    detect(images).failed(1, tiff.toString(), "the TIFF is truncated");
    Files.delete(tiff);
    Path lost = Files.createSymbolicLink(images.resolve("d.png"), folder.resolve("gone.png"));
    detect(images).failed(1, lost.toString(), "no such file");
    Files.delete(lost);
    Files.createDirectory(images.resolve("e.jpg"));
    Files.writeString(images.resolve("readme.txt"), "no image, and not taken for one");
    detect(images).ok();
  }

  @Test
  void aFullDiskIsToldWithTheFile() {
    Path full = Path.of("/dev/full");
    Assumptions.assumeTrue(Files.exists(full), "no /dev/full on this system");
    detect("--json", full, "--score", "-1", images).failed(1, "cannot write /dev/full", "space");
  }

  @Test
  void tooLargeASizeIsToldAsALackOfMemory() {
    Cli cli = detect("--json", folder.resolve("found.json"), images.resolve("a.png"));
    cli.ok();
    run(
            "--weights",
            weights,
            "--model",
            "fasterrcnn_tiny_fpn",
            "--classes",
            3,
            "--min-size",
            10_000_000,
            "--json",
            folder.resolve("found.json"),
            images.resolve("a.png"))
        .failed(1, "cocoli: out of memory", "smaller");
  }

  @Test
  void sameNamesDoNotOverwriteEachOther() throws IOException {
    Path drawn = folder.resolve("drawn");
    write("a.jpg", "jpg", 64, 64);
    detect("--out", drawn, images).ok();
    assertTrue(Files.exists(drawn.resolve("a.png")) && Files.exists(drawn.resolve("a-2.png")));
  }

  /** Detects with the tiny model for which torchvision's reference was computed. */
  private static Cli detect(Object... args) {
    List<Object> all =
        new ArrayList<>(
            List.of("--weights", weights, "--model", "fasterrcnn_tiny_fpn", "--classes", "3"));
    all.addAll(List.of("--min-size", "96", "--max-size", "160"));
    all.addAll(Arrays.asList(args));
    return run(all.toArray());
  }

  private static Cli run(Object... args) {
    List<Object> all = new ArrayList<>(List.of("detect", "--device", "cpu"));
    all.addAll(Arrays.asList(args));
    return Cli.run(all.toArray());
  }

  private void write(String name, String format, int width, int height) throws IOException {
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    Random random = new Random(name.hashCode());
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        image.setRGB(x, y, random.nextInt(0x1000000));
      }
    }
    ImageIO.write(image, format, images.resolve(name).toFile());
  }
}

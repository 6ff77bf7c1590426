package dev.cocoli.data.synthetic;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.data.synthetic.ShapeScenesConfig.Look;
import dev.cocoli.eval.CocoAnnotation;
import dev.cocoli.eval.CocoBox;
import dev.cocoli.eval.CocoCategory;
import dev.cocoli.eval.CocoFiles;
import dev.cocoli.eval.CocoGroundTruth;
import dev.cocoli.structures.Box;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Element;

/** Checks the generated images, their boxes and their files. */
class ShapeScenesTest {

  private static final ShapeScenesConfig CONFIG = ShapeScenesConfig.of(160, 120, 7);

  @TempDir Path folder;

  @Test
  void theSameNumberGivesTheSameImageAndAnotherAnother() {
    ShapeScenes scenes = new ShapeScenes(CONFIG);
    ShapeScene fifth = scenes.scene(5);
    scenes.scene(0);
    assertArrayEquals(pixels(fifth), pixels(scenes.scene(5)));
    assertEquals(fifth.target().boxes(), scenes.scene(5).target().boxes());
    assertFalse(Arrays.equals(pixels(fifth), pixels(scenes.scene(6))));
    ShapeScenes otherSeed = new ShapeScenes(ShapeScenesConfig.of(160, 120, 8));
    assertFalse(Arrays.equals(pixels(fifth), pixels(otherSeed.scene(5))));
  }

  /** Where people write other digits, as in Iran. */
  @Test
  void filesAreTheSameInEveryLocale() throws IOException {
    Locale before = Locale.getDefault();
    try {
      Locale.setDefault(Locale.forLanguageTag("fa-IR"));
      new ShapeScenes(CONFIG).writeVoc(folder, 2, 1);
    } finally {
      Locale.setDefault(before);
    }
    String xml = Files.readString(folder.resolve("Annotations/000000.xml"));
    assertTrue(xml.contains("<width>160</width><height>120</height>"), xml);
  }

  @Test
  @Tag("slow")
  void objectsAreOfAllClassesInsideTheImageAndOfTheSizesAsked() {
    ShapeScenes scenes = new ShapeScenes(CONFIG);
    int[] perClass = new int[5];
    int empty = 0;
    int covered = 0;
    for (int i = 0; i < 200; i++) {
      ShapeScene scene = scenes.scene(i);
      List<Box> boxes = scene.target().boxes();
      empty += boxes.isEmpty() ? 1 : 0;
      assertTrue(boxes.size() <= CONFIG.maxShapes(), "scene " + i);
      for (int k = 0; k < boxes.size(); k++) {
        Box box = boxes.get(k);
        String where = "scene " + i + ": " + box;
        assertTrue(box.x1() >= 0 && box.y1() >= 0 && box.x2() <= 160 && box.y2() <= 120, where);
        // plus the stretch of 1.15 and a pixel at each side
        assertTrue(Math.max(box.width(), box.height()) <= 1.15 * CONFIG.maxSize() + 2, where);
        assertTrue(Math.min(box.width(), box.height()) >= 0.3 * CONFIG.minSize(), where);
        perClass[scene.target().labels()[k]]++;
        covered++;
      }
    }
    assertEquals(0, perClass[0]);
    for (int label = 1; label <= 4; label++) {
      assertTrue(perClass[label] > covered / 8, "classes " + Arrays.toString(perClass));
    }
    assertTrue(empty > 2 && empty < 40, empty + " of 200 are empty");
  }

  @Test
  void anEmptyShareOfOneGivesNoObjectsAndOfZeroAlwaysSome() {
    for (double share : new double[] {0, 1}) {
      ShapeScenes scenes =
          new ShapeScenes(
              new ShapeScenesConfig(96, 96, 1, 3, 12, 40, share, 0.75, new Look(4, 0, 1), 3));
      for (int i = 0; i < 30; i++) {
        assertEquals(share == 1, scenes.scene(i).target().boxes().isEmpty(), "scene " + i);
      }
    }
  }

  @Test
  void theShapeIsWhereItsBoxIs() {
    // no clutter, no noise, wholly visible
    ShapeScenes scenes =
        new ShapeScenes(new ShapeScenesConfig(96, 96, 1, 1, 24, 40, 0, 1, new Look(0, 0, 1), 11));
    for (int i = 0; i < 30; i++) {
      ShapeScene scene = scenes.scene(i);
      Box box = scene.target().boxes().get(0);
      int middle = at(scene, (box.x1() + box.x2()) / 2, (box.y1() + box.y2()) / 2);
      // just above and to the left, where no shadow falls
      int above = at(scene, (box.x1() + box.x2()) / 2, box.y1() - 3);
      int left = at(scene, box.x1() - 3, (box.y1() + box.y2()) / 2);
      String where = "scene " + i + ", label " + scene.target().labels()[0] + ", " + box;
      assertTrue(distance(middle, above) > 40, where);
      assertTrue(distance(middle, left) > 40, where);
    }
  }

  @Test
  void writesAPascalVocFolderWithTheSameBytesEachTime() throws Exception {
    ShapeScenes scenes = new ShapeScenes(CONFIG);
    Path first = folder.resolve("first");
    Path second = folder.resolve("second");
    scenes.writeVoc(first, 5, 3);
    scenes.writeVoc(second, 5, 3);
    assertEquals(
        List.of("000000", "000001", "000002", "000003", "000004"),
        Files.readAllLines(first.resolve("ImageSets/Main/train.txt")));
    assertEquals(
        List.of("000005", "000006", "000007"),
        Files.readAllLines(first.resolve("ImageSets/Main/val.txt")));
    int files = 0;
    try (Stream<Path> all = Files.walk(first)) {
      for (Path file : (Iterable<Path>) all.filter(Files::isRegularFile)::iterator) {
        files++;
        assertEquals(-1, Files.mismatch(file, second.resolve(first.relativize(file))), "" + file);
      }
    }
    assertEquals(8 + 8 + 3, files);
    for (int i = 0; i < 8; i++) {
      ShapeScene scene = scenes.scene(i);
      BufferedImage image = ImageIO.read(first.resolve("JPEGImages/00000" + i + ".jpg").toFile());
      assertEquals(160, image.getWidth());
      assertEquals(120, image.getHeight());
      Element root =
          DocumentBuilderFactory.newInstance()
              .newDocumentBuilder()
              .parse(first.resolve("Annotations/00000" + i + ".xml").toFile())
              .getDocumentElement();
      assertEquals("00000" + i + ".jpg", text(root, "filename"));
      assertEquals("160", text(root, "width"));
      int count = scene.target().labels().length;
      assertEquals(count, root.getElementsByTagName("object").getLength());
      for (int k = 0; k < count; k++) {
        Element object = (Element) root.getElementsByTagName("object").item(k);
        String name = ShapeScenes.classNames().get(scene.target().labels()[k] - 1);
        assertEquals(name, text(object, "name"));
        assertEquals(
            scene.target().boxes().get(k),
            new Box(
                Float.parseFloat(text(object, "xmin")),
                Float.parseFloat(text(object, "ymin")),
                Float.parseFloat(text(object, "xmax")),
                Float.parseFloat(text(object, "ymax"))));
      }
    }
  }

  @Test
  void writesACocoFolder() throws IOException {
    ShapeScenes scenes = new ShapeScenes(CONFIG);
    new CocoFolder(folder, CONFIG).write(scenes, 4, 2);
    CocoGroundTruth val = CocoFiles.readGroundTruth(folder.resolve("annotations/val.json"));
    assertEquals(List.of(5L, 6L), val.imageIds());
    assertEquals(
        ShapeScenes.classNames(), val.categories().stream().map(CocoCategory::name).toList());
    Set<CocoAnnotation> expected = new HashSet<>();
    for (int i = 4; i < 6; i++) {
      assertTrue(Files.size(folder.resolve("images/00000" + i + ".jpg")) > 1000);
      for (int k = 0; k < scenes.scene(i).target().labels().length; k++) {
        expected.add(
            CocoAnnotation.of(
                i + 1,
                scenes.scene(i).target().labels()[k],
                CocoBox.of(scenes.scene(i).target().boxes().get(k))));
      }
    }
    assertEquals(expected, new HashSet<>(val.annotations()));
  }

  @Test
  void refusesSettingsThatCannotBeDrawn() {
    String message =
        assertThrows(IllegalArgumentException.class, () -> ShapeScenesConfig.of(16, 160, 1))
            .getMessage();
    assertEquals("width and height must be at least 32", message);
    assertThrows(
        IllegalArgumentException.class,
        () -> new ShapeScenesConfig(96, 96, 3, 2, 12, 40, 0, 0.75, new Look(4, 0, 1), 3));
    assertThrows(
        IllegalArgumentException.class,
        () -> new ShapeScenesConfig(96, 96, 1, 2, 12, 97, 0, 0.75, new Look(4, 0, 1), 3));
  }

  @Test
  void saysWhereItCannotWrite() throws IOException {
    Path file = Files.writeString(folder.resolve("file"), "in the way");
    assertThrows(IOException.class, () -> new ShapeScenes(CONFIG).writeVoc(file, 1, 1));
  }

  private static String text(Element parent, String name) {
    return parent.getElementsByTagName(name).item(0).getTextContent();
  }

  private static int at(ShapeScene scene, float x, float y) {
    return scene.image().getRGB(Math.clamp((int) x, 0, 95), Math.clamp((int) y, 0, 95));
  }

  private static double distance(int a, int b) {
    int red = (a >> 16 & 255) - (b >> 16 & 255);
    int green = (a >> 8 & 255) - (b >> 8 & 255);
    int blue = (a & 255) - (b & 255);
    return Math.sqrt(red * red + green * green + blue * blue);
  }

  private static int[] pixels(ShapeScene scene) {
    BufferedImage image = scene.image();
    return image.getRGB(0, 0, image.getWidth(), image.getHeight(), null, 0, 160);
  }
}

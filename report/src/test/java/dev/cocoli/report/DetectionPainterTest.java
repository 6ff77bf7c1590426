package dev.cocoli.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.structures.Box;
import dev.cocoli.structures.Detection;
import dev.cocoli.structures.ObjectPart;
import dev.cocoli.structures.Target;
import java.awt.Color;
import java.awt.Shape;
import java.awt.geom.AffineTransform;
import java.awt.geom.Rectangle2D;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Draws detections on images and sheets. */
class DetectionPainterTest {

  private static final List<String> CLASSES = List.of("cat", "dog");
  private static final int GREY = 0xff808080;

  @Test
  void boxesAreInTheColourOfTheirClassAndTheInsideStays() {
    BufferedImage image = grey(640, 480);
    BufferedImage painted =
        new DetectionPainter(CLASSES)
            .paint(
                image,
                List.of(
                    new Detection(new Box(100, 100, 200, 200), 1, 0.9f),
                    new Detection(new Box(300, 100, 400, 200), 2, 0.8f)));
    assertEquals(640, painted.getWidth());
    assertEquals(480, painted.getHeight());
    assertEquals(ClassColours.of(1), new Color(painted.getRGB(200, 150)));
    assertEquals(ClassColours.of(2), new Color(painted.getRGB(400, 150)));
    assertEquals(GREY, painted.getRGB(150, 150));
    assertEquals(GREY, painted.getRGB(600, 400));
    assertEquals(GREY, image.getRGB(200, 150), "the image that was given stays");
    assertEquals(ClassColours.of(1), new Color(painted.getRGB(102, 92)), "the tag above the box");
  }

  @Test
  void aSmallImageIsEnlargedByAWholeFactorAndAHugeOneGetsThickLines() {
    DetectionPainter painter = new DetectionPainter(CLASSES);
    BufferedImage small = grey(100, 60);
    small.setRGB(80, 50, 0xffff00ff);
    BufferedImage painted =
        painter.paint(small, List.of(new Detection(new Box(10, 20, 50, 50), 1, 0.9f)));
    assertEquals(500, painted.getWidth());
    assertEquals(300, painted.getHeight());
    assertEquals(0xffff00ff, painted.getRGB(400, 250));
    assertEquals(0xffff00ff, painted.getRGB(404, 254));
    assertEquals(GREY, painted.getRGB(405, 254));
    assertEquals(ClassColours.of(1), new Color(painted.getRGB(250, 200)));

    BufferedImage huge =
        painter.paint(
            grey(3200, 1200), List.of(new Detection(new Box(1000, 400, 2000, 900), 1, 0.9f)));
    for (int x = 1997; x <= 2003; x++) {
      assertEquals(ClassColours.of(1), new Color(huge.getRGB(x, 600)), "column " + x);
    }
  }

  @Test
  void drawsBoxesAtAndBeyondTheEdgeAndUnknownClasses() {
    BufferedImage painted =
        new DetectionPainter(CLASSES)
            .paint(
                grey(640, 480),
                List.of(
                    new Detection(new Box(-50, -50, 700, 500), 1, 0.9f),
                    new Detection(new Box(640, 480, 640, 480), 77, 0.5f)));
    assertEquals(ClassColours.of(1), new Color(painted.getRGB(320, 0)));
    assertEquals(ClassColours.of(1), new Color(painted.getRGB(320, 479)));
    assertEquals(ClassColours.of(1), new Color(painted.getRGB(0, 240)));
  }

  @Test
  void theGroundTruthIsDashed() {
    BufferedImage painted =
        new DetectionPainter(CLASSES)
            .paint(
                grey(640, 480),
                List.of(),
                new Target(List.of(new Box(100, 100, 400, 300)), new int[] {1}));
    int light = 0;
    int dark = 0;
    for (int x = 110; x < 390; x++) {
      int level = painted.getRGB(x, 300) & 255;
      light += level > 190 ? 1 : 0;
      dark += level < 100 ? 1 : 0;
    }
    assertTrue(light > 60, light + " light pixels of 280");
    assertTrue(dark > 60, dark + " dark pixels of 280");
  }

  /** The left half of a box, as a mask might be. */
  private record LeftHalf(Box box) implements ObjectPart {
    @Override
    public ObjectPart moved(AffineTransform move) {
      return new LeftHalf(box.moved(move));
    }

    @Override
    public Shape outline() {
      return new Rectangle2D.Float(box.x1(), box.y1(), box.width() / 2, box.height());
    }
  }

  @Test
  void partsOfObjectsAreFilled() {
    Box box = new Box(100, 100, 400, 300);
    Detection found = new Detection(box, 1, 0.9f).with(new LeftHalf(box));
    BufferedImage painted = new DetectionPainter(CLASSES).paint(grey(640, 480), List.of(found));
    int inside = new Color(painted.getRGB(150, 200)).getRed();
    assertTrue(inside > new Color(GREY).getRed(), "inside of the part");
    assertTrue(new Color(painted.getRGB(250, 200)).getRed() > inside, "its outline");
    assertEquals(GREY, painted.getRGB(350, 200), "outside");
  }

  @Test
  void aSheetHasRoomForAllImages() {
    DetectionSheet sheet = new DetectionSheet(CLASSES, 2, 200);
    List<DetectionSheet.Entry> entries = new ArrayList<>();
    for (int[] size : new int[][] {{400, 200}, {100, 100}, {50, 300}}) {
      entries.add(
          new DetectionSheet.Entry(
              grey(size[0], size[1]),
              List.of(new Detection(new Box(10, 10, 40, 40), 1, 0.9f)),
              Target.EMPTY,
              "a very long file name that does not fit into the cell at all.jpg"));
    }
    BufferedImage painted = sheet.paint("Three", entries);
    assertEquals(14 + 2 * (200 + 14), painted.getWidth());
    assertEquals(40 + 14 + 2 * (200 + 24 + 14), painted.getHeight());
    assertEquals(GREY, painted.getRGB(14 + 180, 40 + 14 + 90), "the first image, half height");
    assertEquals(GREY, painted.getRGB(14 + 214 + 180, 40 + 14 + 190), "the second one");
    assertEquals(GREY, painted.getRGB(14 + 100, 40 + 14 + 238 + 190), "the third one");
    assertNotEquals(GREY, painted.getRGB(14 + 214 + 100, 40 + 14 + 238 + 100), "an empty cell");
    assertThrows(IllegalArgumentException.class, () -> sheet.paint("None", List.of()));
  }

  @Test
  void classesHaveColoursOfTheirOwn() {
    Set<Color> colours = new HashSet<>();
    for (int label = 1; label <= 90; label++) {
      colours.add(ClassColours.of(label));
    }
    assertEquals(90, colours.size());
    assertEquals(Color.BLACK, ClassColours.textOn(Color.YELLOW));
    assertEquals(Color.WHITE, ClassColours.textOn(Color.BLUE));
  }

  @Test
  void anImageMayBeThinnerThanALine() {
    List<Detection> found = List.of(new Detection(new Box(0, 100, 1, 900), 1, 0.9f));
    for (BufferedImage image : List.of(grey(1, 1000), grey(1000, 1))) {
      BufferedImage painted = new DetectionPainter(CLASSES).paint(image, found);
      assertEquals(image.getWidth(), painted.getWidth());
      assertEquals(image.getHeight(), painted.getHeight());
    }
    DetectionSheet sheet = new DetectionSheet(CLASSES, 1);
    sheet.paint("thin", List.of(new DetectionSheet.Entry(grey(1, 1000), found, Target.EMPTY, "")));
  }

  private static BufferedImage grey(int width, int height) {
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        image.setRGB(x, y, GREY);
      }
    }
    return image;
  }
}

package dev.cocoli.data.formats;

import static dev.cocoli.data.VocFolder.object;
import static dev.cocoli.data.VocFolder.xml;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.data.AnnotationPolicy;
import dev.cocoli.data.AnnotationReport;
import dev.cocoli.data.AnnotationReport.Problem;
import dev.cocoli.data.DataException;
import dev.cocoli.data.DatasetOptions;
import dev.cocoli.data.VocFolder;
import dev.cocoli.data.image.Image;
import dev.cocoli.data.image.ImageDecoder;
import dev.cocoli.data.image.ImageOrientationTest;
import dev.cocoli.structures.Annotation;
import dev.cocoli.structures.Box;
import dev.cocoli.structures.Target;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class VocDatasetTest {

  private static final DatasetOptions DEFAULT = DatasetOptions.DEFAULT;

  @TempDir Path folder;

  private VocFolder voc;

  @BeforeEach
  void makeFolder() throws IOException {
    voc = new VocFolder(folder.resolve("set"));
  }

  private VocDataset open(String split) {
    return VocDataset.open(voc.root, split);
  }

  private String failure(String split, DatasetOptions options) {
    String message =
        assertThrows(DataException.class, () -> VocDataset.open(voc.root, split, options))
            .getMessage();
    assertTrue(message.indexOf('\n') < 0, message);
    return message;
  }

  @Test
  void readsImagesAndBoxesInTheOrderOfTheSplit() throws IOException {
    voc.add("b", object("dog", 1, 2, 11.5, 12), object("cat", 0, 0, 40, 30))
        .add("a")
        .split("train", "b", "", "a");
    VocDataset data = open("train");
    assertEquals(List.of("cat", "dog"), data.classNames());
    assertEquals(2, data.size());
    AnnotatedImage first = data.get(0);
    assertEquals("b.jpg", first.fileName());
    assertEquals(voc.root.resolve("JPEGImages/b.jpg"), first.path());
    assertEquals(0, first.imageId());
    assertEquals(40, first.width());
    assertEquals(30, first.height());
    assertEquals(
        List.of(
            new Annotation(new Box(1, 2, 11.5f, 12), 2, false, false, 105),
            new Annotation(new Box(0, 0, 40, 30), 1, false, false, 1200)),
        first.annotations());
    Target target = first.target();
    assertArrayEquals(new int[] {2, 1}, target.labels());
    assertEquals(List.of(), data.get(1).annotations(), "an image without objects is kept");
    assertEquals("2 images (1 without objects), 2 objects", data.report().summary());
  }

  @Test
  void findsTheSameClassesInEverySplit() throws IOException {
    voc.add("a", object("zebra", 1, 1, 9, 9)).split("train", "a");
    voc.add("b", object("ant", 1, 1, 9, 9)).split("test", "b");
    assertEquals(List.of("ant", "zebra"), open("train").classNames());
    assertEquals(2, open("train").get(0).annotations().getFirst().label());
    assertEquals(List.of("ant", "zebra"), open("test").classNames());
  }

  @Test
  void takesGivenClassesInTheirOrder() throws IOException {
    voc.add("a", object("zebra", 1, 1, 9, 9), object("ant", 1, 1, 9, 9), object("bee", 1, 1, 9, 9))
        .split("train", "a");
    DatasetOptions options = DEFAULT.withClassNames(List.of("zebra", "ant"));
    VocDataset data = VocDataset.open(voc.root, "train", options);
    assertArrayEquals(new int[] {1, 2}, data.get(0).target().labels());
    assertEquals(1, data.report().counts().get(Problem.UNKNOWN_CLASS));
    String message = data.report().findings().getFirst().message();
    assertTrue(message.contains("a.xml: object 3 (bee)"), message);
    assertTrue(message.contains("'bee' is not among [zebra, ant]"), message);
    assertThrows(
        IllegalArgumentException.class, () -> DEFAULT.withClassNames(List.of("ant", "ant")));
  }

  @Test
  void ignoresTheNamesOfParts() throws IOException {
    String person =
        """
        <object><name>person</name><difficult>1</difficult>
          <part><name>head</name>
            <bndbox><xmin>3</xmin><ymin>3</ymin><xmax>4</xmax><ymax>4</ymax></bndbox></part>
          <bndbox><ymin>2</ymin><xmin>1</xmin><ymax>20</ymax><xmax>10</xmax></bndbox>
          <part><name>hand</name></part>
        </object>\
        """;
    voc.add("a", person).split("train", "a");
    VocDataset data = open("train");
    assertEquals(List.of("person"), data.classNames());
    assertEquals(
        List.of(new Annotation(new Box(1, 2, 10, 20), 1, true, false, 162)),
        data.get(0).annotations());
    assertEquals(1, data.get(0).target().boxes().size(), "difficult objects are trained on");
  }

  @Test
  void understandsTheOneBasedConvention() throws IOException {
    voc.add("a", object("dog", 1, 1, 40, 30), object("dot", 5, 5, 5, 5)).split("train", "a");
    DatasetOptions options =
        DEFAULT.withBoxes(BoxConvention.ONE_BASED).withPolicy(AnnotationPolicy.ERROR);
    VocDataset data = VocDataset.open(voc.root, "train", options);
    assertEquals(new Box(0, 0, 40, 30), data.get(0).annotations().get(0).box());
    assertEquals(new Box(4, 4, 5, 5), data.get(0).annotations().get(1).box());
  }

  @Test
  void readsListsOfOneClassAndNamesWithExtensions() throws IOException {
    voc.add("a", object("dog", 1, 1, 9, 9)).add("b").add("two words 1").add("c.d");
    voc.split("dog_train", "a  1", "b -1", "two words 1", "\uFEFFb.jpg", "c.d", "c.d.JPG  0");
    VocDataset data = open("dog_train");
    List<String> names =
        IntStream.range(0, data.size()).mapToObj(i -> data.get(i).fileName()).toList();
    assertEquals(
        List.of("a.jpg", "b.jpg", "two words 1.jpg", "b.jpg", "c.d.jpg", "c.d.jpg"), names);
  }

  // ---- boxes

  @ParameterizedTest
  @CsvSource({
    "5, 5, 5, 9, DEGENERATE_BOX",
    "5, 9, 8, 9, DEGENERATE_BOX",
    "9, 5, 8, 9, DEGENERATE_BOX",
    "NaN, 5, 8, 9, NO_NUMBER",
    "1e39, 5, 8, 9, NO_NUMBER",
    "five, 5, 8, 9, NO_NUMBER",
    "'', 5, 8, 9, NO_NUMBER",
    "40, 5, 50, 9, OUTSIDE",
    "-8, 5, 0, 9, OUTSIDE",
    "3, 30, 9, 31, OUTSIDE",
    "3, -9, 9, -1, OUTSIDE"
  })
  void dropsBoxesThatCannotBeTrainedOn(String x1, String y1, String x2, String y2, Problem problem)
      throws IOException {
    voc.add("a", object("dog", 1, 1, 9, 9), object("dog", x1, y1, x2, y2)).split("train", "a");
    for (AnnotationPolicy policy : List.of(AnnotationPolicy.DROP, AnnotationPolicy.CLIP)) {
      VocDataset data = VocDataset.open(voc.root, "train", DEFAULT.withPolicy(policy));
      assertEquals(1, data.get(0).annotations().size());
      AnnotationReport report = data.report();
      assertEquals(1, report.objects());
      assertEquals(1, report.objectsDropped());
      assertEquals(1, report.counts().get(problem));
      String words =
          switch (problem) {
            case NO_NUMBER -> "box that is no numbers";
            case DEGENERATE_BOX -> "box without area";
            default -> "box outside the image";
          };
      assertEquals("1 image, 1 object; dropped 1 object (1 x " + words + ")", report.summary());
      String message = report.findings().getFirst().message();
      assertTrue(message.contains("a.xml: object 2 (dog): the box ["), message);
    }
    String message = failure("train", DEFAULT.withPolicy(AnnotationPolicy.ERROR));
    assertTrue(message.contains("1 problem in the annotations"), message);
    assertTrue(message.contains("a.xml: object 2 (dog)"), message);
  }

  @Test
  void treatsBoxesPartlyOutsideByThePolicy() throws IOException {
    voc.add("a", object("dog", -1, 2, 41, 28)).split("train", "a");
    VocDataset kept = open("train");
    assertEquals(new Box(-1, 2, 41, 28), kept.get(0).annotations().getFirst().box());
    assertEquals(1, kept.report().counts().get(Problem.PARTLY_OUTSIDE));
    assertEquals(0, kept.report().objectsDropped());
    VocDataset clipped =
        VocDataset.open(voc.root, "train", DEFAULT.withPolicy(AnnotationPolicy.CLIP));
    assertEquals(
        new Annotation(new Box(0, 2, 40, 28), 1, false, false, 40 * 26),
        clipped.get(0).annotations().getFirst());
    assertEquals(1, clipped.report().objectsClipped());
    String message = failure("train", DEFAULT.withPolicy(AnnotationPolicy.ERROR));
    assertTrue(message.contains("[-1, 2, 41, 28] reaches out of the image of 40 x 30"), message);
  }

  @Test
  void forgivesRoundingAtTheEdge() throws IOException {
    voc.add("a", object("dog", 1, 2, 40.01, 30)).split("train", "a");
    DatasetOptions options = DEFAULT.withPolicy(AnnotationPolicy.ERROR);
    assertEquals(1, VocDataset.open(voc.root, "train", options).report().objects());
  }

  @Test
  void keepsCountingBeyondTheFindingsItKeeps() throws IOException {
    String[] objects = new String[1500];
    Arrays.fill(objects, object("dog", 5, 5, 5, 5));
    objects[0] = object("dog", 5, 5, 9, 9);
    voc.add("a", objects).split("train", "a");
    AnnotationReport report = open("train").report();
    assertEquals(1499, report.objectsDropped());
    assertEquals(AnnotationReport.MOST_FINDINGS, report.findings().size());
    assertTrue(report.summary().contains("1,499 x box without area"), report.summary());
    String message = failure("train", DEFAULT.withPolicy(AnnotationPolicy.ERROR));
    assertTrue(message.length() < 1500 && message.contains("; and more"), message);
  }

  // ---- images

  @Test
  void findsImagesOfOtherNames() throws IOException {
    voc.image("a.png", 40, 30).annotation("a", xml("a", 40, 30, object("dog", 1, 1, 9, 9)));
    voc.image("b.JPEG", 40, 30).annotation("b", xml("elsewhere/x.jpg", 40, 30));
    voc.image("other.png", 40, 30).annotation("c", xml("other.png", 40, 30));
    voc.split("train", "a", "b", "c");
    VocDataset data = open("train");
    assertEquals("a.png", data.get(0).fileName());
    assertEquals("b.JPEG", data.get(1).fileName());
    assertEquals("other.png", data.get(2).fileName());
  }

  @Test
  void dropsImagesThatAreMissingOrBroken() throws IOException {
    voc.add("good", object("dog", 1, 1, 9, 9));
    voc.annotation("missing", xml("missing.jpg", 40, 30, object("dog", 1, 1, 9, 9)));
    voc.image("broken.jpg", new byte[] {1, 2, 3}).annotation("broken", xml("broken.jpg", 40, 30));
    voc.image("unmarked.jpg", 40, 30);
    voc.add("torn").annotation("torn", "<annotation><object>");
    voc.add("other").annotation("other", "<html></html>");
    voc.split("train", "missing", "broken", "unmarked", "torn", "other", "good");
    VocDataset data = open("train");
    assertEquals(1, data.size());
    assertEquals(5, data.get(0).imageId(), "the number is the line's, whatever was dropped");
    AnnotationReport report = data.report();
    assertEquals(5, report.imagesDropped());
    assertEquals(1, report.counts().get(Problem.MISSING_IMAGE));
    assertEquals(1, report.counts().get(Problem.BROKEN_IMAGE));
    assertEquals(1, report.counts().get(Problem.MISSING_ANNOTATION));
    assertEquals(2, report.counts().get(Problem.BROKEN_ANNOTATION));
    for (String words :
        List.of(
            "unmarked.xml: there is no such",
            "torn.xml: is no well-formed XML at line 1",
            "other.xml: is no VOC annotation",
            "there is no image",
            "broken.jpg: is no JPEG")) {
      assertTrue(
          report.findings().stream().anyMatch(finding -> finding.message().contains(words)),
          words + " in " + report.findings());
    }
    assertTrue(failure("train", DEFAULT.withPolicy(AnnotationPolicy.ERROR)).contains("5 problems"));
  }

  @Test
  void saysWhenNothingIsLeft() throws IOException {
    voc.image("a.jpg", 40, 30).split("train", "a");
    String message = failure("train", DEFAULT);
    assertTrue(message.contains("no image can be used"), message);
    assertTrue(message.contains("a.xml"), message);
    voc.add("b").split("val", "b");
    message = failure("val", DEFAULT);
    assertTrue(message.contains("there is no class"), message);
  }

  @Test
  void prefersTheImagesOwnSize() throws IOException {
    voc.image("a.jpg", 40, 30)
        .annotation(
            "a", xml("a.jpg", 80, 60, object("dog", 1, 1, 39, 29), object("dog", 50, 40, 70, 50)))
        .split("train", "a");
    VocDataset data = open("train");
    assertEquals(40, data.get(0).width());
    assertEquals(1, data.report().counts().get(Problem.OTHER_SIZE));
    assertEquals(1, data.report().counts().get(Problem.OUTSIDE));
    String message = data.report().findings().getFirst().message();
    assertTrue(message.contains("says the image has 80 x 60 pixels, but it has 40 x 30"), message);
  }

  @Test
  void takesAnAnnotationWithoutSize() throws IOException {
    voc.image("a.jpg", 40, 30)
        .annotation("a", xml("a.jpg", 0, 0, object("dog", 1, 1, 39, 29)))
        .split("train", "a");
    assertEquals(30, open("train").get(0).height());
    assertFalse(open("train").report().counts().containsKey(Problem.OTHER_SIZE));
  }

  @Test
  void seesATurnedImageAsItsBoxesDo() throws IOException {
    byte[] turned = ImageOrientationTest.turnedJpeg(40, 30, 6);
    voc.image("shown.jpg", turned)
        .annotation("shown", xml("", 30, 40, object("dog", 1, 1, 29, 39)))
        .image("stored.jpg", turned)
        .annotation("stored", xml("", 40, 30, object("dog", 1, 1, 39, 29)))
        .split("train", "shown", "stored");
    DatasetOptions strict = DEFAULT.withPolicy(AnnotationPolicy.ERROR);
    VocDataset data = VocDataset.open(voc.root, "train", strict);
    assertEquals(30, data.get(0).width());
    assertEquals(40, data.get(1).width());
    for (int i = 0; i < 2; i++) {
      try (Image image = new ImageDecoder().decode(data.get(i))) {
        assertEquals(data.get(i).width(), image.width());
        assertEquals(data.get(i).height(), image.height());
      }
    }
  }

  // ---- layout

  @Test
  void namesTheSplitsThatThereAre() throws IOException {
    voc.add("a").split("train", "a").split("val", "a");
    assertTrue(failure("trian", DEFAULT).contains("no split 'trian'; there is: train, val"));
    assertTrue(failure("../../secret", DEFAULT).contains("no split"));
    voc.split("empty", "", " ");
    assertTrue(failure("empty", DEFAULT).contains("names no image"));
  }

  @Test
  void refusesNamesThatLeadOutOfTheFolder() throws IOException {
    Files.writeString(folder.resolve("secret.xml"), xml("", 1, 1, object("dog", 0, 0, 1, 1)));
    voc.split("train", "../../secret");
    String message = failure("train", DEFAULT);
    assertTrue(message.contains("names no file inside"), message);
  }

  @Test
  void saysWhatAFolderLacks() throws IOException {
    Path empty = Files.createDirectories(folder.resolve("empty"));
    String message =
        assertThrows(DataException.class, () -> VocDataset.open(empty, "train")).getMessage();
    assertTrue(message.contains("is empty") && message.contains("JPEGImages/NAME.jpg"), message);
    String hint =
        assertThrows(DataException.class, () -> VocDataset.open(folder, "train")).getMessage();
    assertTrue(hint.contains("did you mean " + voc.root), hint);
    Path none = folder.resolve("none");
    String missing =
        assertThrows(DataException.class, () -> VocDataset.open(none, "train")).getMessage();
    assertEquals(none + ": there is no such folder", missing);
  }
}

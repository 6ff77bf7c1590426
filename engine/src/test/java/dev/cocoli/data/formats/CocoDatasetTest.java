package dev.cocoli.data.formats;

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
import dev.cocoli.data.TestImages;
import dev.cocoli.structures.Annotation;
import dev.cocoli.structures.Box;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CocoDatasetTest {

  private static final String CATEGORIES =
      "[{\"id\": 90, \"name\": \"toothbrush\", \"supercategory\": \"indoor\"},"
          + " {\"id\": 1, \"name\": \"person\"}, {\"id\": 13, \"name\": \"stop sign\"}]";

  @TempDir Path folder;

  private Path images;

  @BeforeEach
  void makeImages() throws IOException {
    images = Files.createDirectories(folder.resolve("images/sub"));
    Files.write(images.resolve("c.jpg"), TestImages.jpeg(40, 30));
    images = images.getParent();
    Files.write(images.resolve("a.jpg"), TestImages.jpeg(40, 30));
    Files.write(images.resolve("b.png"), TestImages.png(20, 10));
  }

  private Path json(String imageEntries, String objects, String categories) throws IOException {
    return Files.writeString(
        folder.resolve("instances.json"),
        """
        {"info": {"year": 2017, "nested": [1, {"images": []}]}, "licenses": [{"id": 1}],
         "images": %s,
         "annotations": %s,
         "categories": %s}
        """
            .formatted(imageEntries, objects, categories));
  }

  private static String imageEntry(long id, String file, int width, int height) {
    return "{\"license\": 1, \"file_name\": \"%s\", \"height\": %d, \"width\": %d, \"id\": %d}"
        .formatted(file, height, width, id);
  }

  private static String object(long id, long image, int category, String box, String more) {
    return "{\"segmentation\": [[1.5, 2, 3, 4]], \"image_id\": %d, \"bbox\": %s, \"category_id\": %d, \"id\": %d%s}"
        .formatted(image, box, category, id, more);
  }

  private String failure(Path json, DatasetOptions options) {
    String message =
        assertThrows(DataException.class, () -> CocoDataset.open(json, images, options))
            .getMessage();
    assertTrue(message.indexOf('\n') < 0, message);
    return message;
  }

  @Test
  void readsImagesObjectsAndCategories() throws IOException {
    Path json =
        json(
            "["
                + imageEntry(7000000000L, "b.png", 20, 10)
                + ","
                + imageEntry(5, "a.jpg", 40, 30)
                + "]",
            "["
                + object(1, 5, 90, "[1, 2, 10.5, 4]", ", \"area\": 33.25, \"iscrowd\": 0")
                + ","
                + object(2, 5, 1, "[0, 0, 40, 30]", ", \"area\": 900, \"iscrowd\": 1")
                + ","
                + object(3, 5, 13, "[3, 4, 5, 6]", "")
                + "]",
            CATEGORIES);
    CocoDataset data = CocoDataset.open(json, images, DatasetOptions.DEFAULT);
    assertEquals(List.of("person", "stop sign", "toothbrush"), data.classNames());
    assertEquals(OptionalInt.of(1), data.categoryId(1));
    assertEquals(OptionalInt.of(13), data.categoryId(2));
    assertEquals(OptionalInt.of(90), data.categoryId(3));
    assertThrows(IllegalArgumentException.class, () -> data.categoryId(0));
    assertThrows(IllegalArgumentException.class, () -> data.categoryId(4));
    assertEquals(2, data.size());
    assertEquals(7000000000L, data.get(0).imageId());
    assertEquals(List.of(), data.get(0).annotations());
    AnnotatedImage image = data.get(1);
    assertEquals(images.resolve("a.jpg"), image.path());
    assertEquals(
        List.of(
            new Annotation(new Box(1, 2, 11.5f, 6), 3, false, false, 33.25),
            new Annotation(new Box(0, 0, 40, 30), 1, false, true, 900),
            new Annotation(new Box(3, 4, 8, 10), 2, false, false, 30)),
        image.annotations());
    assertArrayEquals(new int[] {3, 2}, image.target().labels(), "a crowd is no target");
    AnnotationReport report = data.report();
    assertEquals(3, report.objects());
    assertEquals(1, report.crowds());
    assertEquals("2 images (1 without objects), 3 objects", report.summary());
  }

  @Test
  void takesSectionsInAnyOrder() throws IOException {
    Path json =
        Files.writeString(
            folder.resolve("instances.json"),
            "{\"categories\": %s, \"annotations\": [%s], \"images\": [%s]}"
                .formatted(
                    CATEGORIES,
                    object(1, 5, 1, "[1, 1, 5, 5]", ""),
                    imageEntry(5, "a.jpg", 40, 30)));
    assertEquals(1, CocoDataset.open(json, images, DatasetOptions.DEFAULT).report().objects());
  }

  /** LVIS names its images by the address in COCO alone. */
  @Test
  void takesTheFileOfAnAddress() throws IOException {
    String entry = "{\"id\": 5, \"coco_url\": \"http://images.test/%s\"}";
    Path json =
        json(
            "[" + entry.formatted("sub/c.jpg") + "]",
            "[" + object(1, 5, 1, "[1, 2, 10, 4]", "") + "]",
            CATEGORIES);
    AnnotatedImage image = CocoDataset.open(json, images, DatasetOptions.DEFAULT).get(0);
    assertEquals("sub/c.jpg", image.fileName());
    assertEquals(images.resolve("sub/c.jpg"), image.path());
  }

  @Test
  void takesGivenClasses() throws IOException {
    Path json =
        json(
            "[" + imageEntry(5, "a.jpg", 40, 30) + "]",
            "["
                + object(1, 5, 90, "[1, 2, 10, 4]", "")
                + ","
                + object(2, 5, 13, "[1, 2, 10, 4]", "")
                + "]",
            CATEGORIES);
    List<String> names = List.of("N/A", "toothbrush", "N/A", "person", "whale");
    CocoDataset data = CocoDataset.open(json, images, DatasetOptions.DEFAULT.withClassNames(names));
    assertArrayEquals(new int[] {2}, data.get(0).target().labels());
    assertEquals(OptionalInt.of(90), data.categoryId(2));
    assertEquals(OptionalInt.of(1), data.categoryId(4));
    for (int label : new int[] {1, 3, 5}) {
      assertEquals(OptionalInt.empty(), data.categoryId(label));
    }
    assertEquals(1, data.report().counts().get(Problem.UNKNOWN_CLASS));
    String message = data.report().findings().getFirst().message();
    assertTrue(message.contains("a.jpg: object 2 (stop sign)"), message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "[5, 5, 0, 9]; DEGENERATE_BOX",
        "[5, 5, 3, -1]; DEGENERATE_BOX",
        "[5, 5, 3]; NO_NUMBER",
        "[5, 5, 3, 1, 1]; NO_NUMBER",
        "[5, \"x\", 3, 2]; NO_NUMBER",
        "[5, null, 3, 2]; NO_NUMBER",
        "[5, NaN, 3, 2]; NO_NUMBER",
        "[5, 5, Infinity, 2]; NO_NUMBER",
        "[5, [1], 3, 2]; NO_NUMBER",
        "[5, 1e60, 3, 2]; NO_NUMBER",
        "null; NO_NUMBER",
        "{\"x\": [1]}; NO_NUMBER",
        "[]; NO_NUMBER",
        "[45, 5, 3, 3]; OUTSIDE"
      })
  void dropsBoxesThatCannotBeTrainedOn(String box, Problem problem) throws IOException {
    Path json =
        json(
            "[" + imageEntry(5, "a.jpg", 40, 30) + "]",
            "[" + object(77, 5, 1, box, "") + "," + object(78, 5, 1, "[1, 1, 9, 9]", "") + "]",
            CATEGORIES);
    CocoDataset data = CocoDataset.open(json, images, DatasetOptions.DEFAULT);
    assertEquals(1, data.get(0).annotations().size());
    assertEquals(1, data.report().counts().get(problem), data.report().toString());
    String message = data.report().findings().getFirst().message();
    assertTrue(message.startsWith("a.jpg: object 77 (person): the box ["), message);
    String strict = failure(json, DatasetOptions.DEFAULT.withPolicy(AnnotationPolicy.ERROR));
    assertTrue(strict.contains("object 77"), strict);
  }

  @Test
  void saysWhenNoObjectCanBeUsed() throws IOException {
    String image = "[" + imageEntry(5, "a.jpg", 40, 30) + "]";
    Path boxless = json(image, "[{\"id\": 3, \"image_id\": 5, \"category_id\": 1}]", CATEGORIES);
    String message = failure(boxless, DatasetOptions.DEFAULT);
    assertTrue(message.contains("none of its 1 object can be used"), message);
    assertTrue(message.contains("a.jpg: object 3 (person)"), message);
    Path other = json(image, "[" + object(3, 5, 1, "[1, 1, 9, 9]", "") + "]", CATEGORIES);
    message = failure(other, DatasetOptions.DEFAULT.withClassNames(List.of("dog")));
    assertTrue(message.contains("'person' is not among [dog]"), message);
    CocoDataset bare =
        CocoDataset.open(json(image, "[]", CATEGORIES), images, DatasetOptions.DEFAULT);
    assertEquals(1, bare.report().imagesWithoutObjects(), "which is no fault");
  }

  @Test
  void clipsAsTorchvisionDoes() throws IOException {
    Path json =
        json(
            "[" + imageEntry(5, "a.jpg", 40, 30) + "]",
            "[" + object(1, 5, 1, "[-2, 5, 100, 10]", ", \"area\": 7") + "]",
            CATEGORIES);
    CocoDataset data =
        CocoDataset.open(json, images, DatasetOptions.DEFAULT.withPolicy(AnnotationPolicy.CLIP));
    assertEquals(
        new Annotation(new Box(0, 5, 40, 15), 1, false, false, 7),
        data.get(0).annotations().getFirst());
  }

  @Test
  void reportsWhatBelongsToNothing() throws IOException {
    Path json =
        json(
            "["
                + imageEntry(5, "a.jpg", 40, 30)
                + ","
                + imageEntry(6, "gone.jpg", 40, 30)
                + ","
                + imageEntry(7, "folder\\\\c.jpg", 40, 30)
                + ","
                + imageEntry(8, "sub/c.jpg", 40, 30)
                + ","
                + imageEntry(9, "elsewhere/b.png", 0, 0)
                + "]",
            "["
                + object(1, 99, 1, "[1, 1, 9, 9]", "")
                + ","
                + object(2, 5, 2, "[1, 1, 9, 9]", "")
                + ","
                + object(3, 6, 1, "[1, 1, 9, 9]", "")
                + ","
                + object(5, 8, 1, "[1, 1, 9, 9]", "")
                + ","
                + "{\"id\": 4, \"category_id\": 1, \"bbox\": [1, 1, 2, 2]}"
                + "]",
            CATEGORIES);
    CocoDataset data = CocoDataset.open(json, images, DatasetOptions.DEFAULT);
    AnnotationReport report = data.report();
    assertEquals(2, report.counts().get(Problem.UNKNOWN_IMAGE));
    assertEquals(1, report.counts().get(Problem.UNKNOWN_CLASS));
    assertEquals(2, report.counts().get(Problem.MISSING_IMAGE), report.toString());
    assertEquals(2, report.imagesDropped());
    assertEquals(3, data.size());
    assertEquals(images.resolve("sub/c.jpg"), data.get(1).path());
    assertEquals(images.resolve("b.png"), data.get(2).path(), "found under its bare name");
    assertEquals(20, data.get(2).width(), "the size of the image where the file tells none");
  }

  @Test
  void namesWhatIsNoCocoFile() throws IOException {
    DatasetOptions options = DatasetOptions.DEFAULT;
    Path json = folder.resolve("x.json");
    assertTrue(failure(json, options).contains("no such file"));
    for (String text : List.of("", "[]", "{}", "{\"images\": [], \"annotations\": []}", "[{}]")) {
      Files.writeString(json, text);
      assertTrue(failure(json, options).contains("is no COCO annotation file"), text);
    }
    Files.writeString(json, "{\"images\": [\n{\"id\": 1, ");
    String truncated = failure(json, options);
    assertTrue(truncated.contains("is no valid JSON at line 2"), truncated);
    assertFalse(truncated.contains("Source"), truncated);
    Path whole =
        json("[" + imageEntry(5, "a.jpg", 40, 30) + "]", "[]", "[{\"id\": 1, \"name\": \"x\"}]");
    Path two = Files.writeString(folder.resolve("two.json"), Files.readString(whole).repeat(2));
    assertTrue(failure(two, options).contains("more follows"), failure(two, options));
    String deep = "[".repeat(2000) + "]".repeat(2000);
    Files.writeString(json, "{\"info\": " + deep + "}");
    assertTrue(failure(json, options).contains("nesting depth"), failure(json, options));
    assertFalse(failure(json, options).contains("StreamReadConstraints"));
    Files.writeString(json, "{\"images\": {}}");
    assertTrue(failure(json, options).contains("'images' is no list"));
    Files.writeString(json, "{\"images\": [{\"id\": 1}]}");
    assertTrue(failure(json, options).contains("no 'file_name' (line 1)"));
    Path twice =
        json(
            "[" + imageEntry(5, "a.jpg", 4, 3) + "," + imageEntry(5, "b.png", 4, 3) + "]",
            "[]",
            CATEGORIES);
    assertTrue(failure(twice, options).contains("a.jpg and b.png have the same id 5"));
    Path names =
        json(
            "[" + imageEntry(5, "a.jpg", 40, 30) + "]",
            "["
                + object(1, 5, 1, "[1, 1, 9, 9]", "")
                + ","
                + object(2, 5, 2, "[1, 1, 9, 9]", "")
                + "]",
            "[{\"id\": 1, \"name\": \"x\"}, {\"id\": 2, \"name\": \"x\"}]");
    assertTrue(failure(names, options).contains("categories 1 and 2 have the same name 'x'"));
    Path none = json("[]", "[]", CATEGORIES);
    assertTrue(failure(none, options).contains("no image can be used"));
    Path noFolder = folder.resolve("none");
    String message =
        assertThrows(
                DataException.class, () -> CocoDataset.open(none, noFolder, DatasetOptions.DEFAULT))
            .getMessage();
    assertEquals(noFolder + ": there is no such folder of images", message);
  }

  /** Masks make up most of COCO's file, but must take no memory. */
  @Test
  @Tag("slow")
  void readsALargeFileInLittleMemory() throws IOException {
    Path json = folder.resolve("large.json");
    String mask = "12.25, 100.5, ".repeat(40) + "1, 2";
    int objects = 60_000;
    try (BufferedWriter out = Files.newBufferedWriter(json)) {
      out.write("{\"annotations\": [");
      for (int i = 0; i < objects; i++) {
        out.write(i == 0 ? "" : ",");
        out.write(
            "{\"segmentation\": [["
                + mask
                + "]], \"image_id\": 5, \"bbox\": [1, 1, 9, 9],"
                + " \"category_id\": 1, \"id\": "
                + i
                + ", \"iscrowd\": 0, \"area\": 50}");
      }
      out.write("], \"images\": [" + imageEntry(5, "a.jpg", 40, 30) + "],");
      out.write("\"categories\": " + CATEGORIES + "}");
    }
    assertTrue(Files.size(json) > 35_000_000);
    var threads =
        (com.sun.management.ThreadMXBean) java.lang.management.ManagementFactory.getThreadMXBean();
    long before = threads.getCurrentThreadAllocatedBytes();
    assertEquals(objects, CocoFile.read(json, List.of()).objects.size());
    long allocated = threads.getCurrentThreadAllocatedBytes() - before;
    assertTrue(
        allocated < 400L * objects, "allocated " + allocated / objects + " bytes per object");
  }
}

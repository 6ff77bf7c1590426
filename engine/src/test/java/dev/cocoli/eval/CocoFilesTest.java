package dev.cocoli.eval;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cocoli.structures.Box;
import dev.cocoli.structures.Detection;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Reads and writes COCO's files, and checks the messages about bad ones. */
class CocoFilesTest {

  private static final String GROUND_TRUTH =
      """
      {"annotations": [{"segmentation": [[1, 2, {"a": 3}]], "image_id": 5, "category_id": 3,
                        "bbox": [1, 2, 3.5, 4], "extra": null}],
       "info": {"year": 2017},
       "images": [{"id": 5, "file_name": "five.jpg"}, {"id": 6.0}],
       "categories": [{"id": 3, "name": "cat"}]}
      """;

  @TempDir Path folder;

  @Test
  void readsSectionsInAnyOrderAndFillsInAreaAndCrowd() throws IOException {
    CocoGroundTruth groundTruth = CocoFiles.readGroundTruth(write(GROUND_TRUTH));
    assertEquals(List.of(5L, 6L), groundTruth.imageIds());
    assertEquals(List.of(new CocoCategory(3, "cat")), groundTruth.categories());
    assertEquals(
        List.of(new CocoAnnotation(5, 3, new CocoBox(1, 2, 3.5, 4), 14, false)),
        groundTruth.annotations());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "                                  | expected an object with images, annotations and"
            + " categories, found nothing",
        "[]                                | expected an object with images, annotations and"
            + " categories, found an array",
        "{'images': [                      | not valid JSON at line 1",
        "not json                          | not valid JSON at line 1",
        "{'images': []}                    | not a COCO annotation file: it has no 'categories'",
        "{'images': [{}]}                  | image 0 has no 'id'",
        "{'images': '\\x'}                 | not valid JSON at line 1, column",
        "{'images': ['\\x']}               | not valid JSON at line 1, column",
        "{'images': [7]}                   | image 0 is not an object but 7",
        "{'images': 7}                     | expected an array of image entries, found 7",
        "{'images': [{'id': []}]}          | image 0: 'id' must be a number, but is an array",
        "{'images': [{'id': 1.5}]}         | image 0: 'id' must be an integer, but is 1.5",
        "{'categories': [{'id': 1}]}       | category 0 has no 'name'",
        "{'annotations': [{'image_id': 1}]} | annotation 0 has no 'category_id'",
        "{'annotations': [{'bbox': [1, 2]}]} | annotation 0: 'bbox' must have four numbers x, y,"
            + " width, height, but has 2",
        "{'annotations': [{'bbox': [1, 2, 'x', 3]}]} | annotation 0: 'bbox' must be four numbers",
        "{'annotations': [{'bbox': [1, 2, 1e999, 3]}]} | annotation 0: a box needs four finite"
            + " numbers",
        "{'images': [{'id': 1}, {'id': 1}], 'categories': [], 'annotations': []} | image id 1 is"
            + " given twice",
        "{'images': [{'id': 1}], 'categories': [], 'annotations': [{'image_id': 2, 'category_id':"
            + " 1, 'bbox': [1, 1, 1, 1]}]} | annotation 0 has image_id 2, which is not among the"
            + " images of the ground truth",
        "{'images': [{'id': 2}], 'categories': [], 'annotations': [{'image_id': 2, 'category_id':"
            + " 1, 'bbox': [1, 1, 1, 1]}]} | annotation 0 has category_id 1, which is not among the"
            + " categories of the ground truth",
        "{'categories': [{'id': 1, 'name': 'k\u00E4tzchen'}]} | not valid JSON at line 1, column",
        "{'images': [{'id': 99999999999999999999}]} | not valid JSON at line 1, column",
        "{'images': [{'id': 1 | not valid JSON at line 1, column 21: ends in the middle",
        "{'info': " + "DEEPER | not valid JSON: Document nesting depth (1001) exceeds the maximum",
        "{'images': [], 'categories': [], 'annotations': []} {} | more follows after the end",
      })
  void saysWhatIsWrongInAnAnnotationFile(String json, String expected) throws IOException {
    Path file = folder.resolve("truth.json");
    String text = json == null ? "" : json.replace('\'', '"').replace("DEEPER", "[".repeat(1000));
    Files.writeString(file, text, StandardCharsets.ISO_8859_1); // umlauts in it are no UTF-8
    String message =
        assertThrows(IOException.class, () -> CocoFiles.readGroundTruth(file)).getMessage();
    assertTrue(message.startsWith(file + ": " + expected), message);
    assertFalse(message.contains("Stream"), message);
    assertEquals(1, message.lines().count(), message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{} | expected an array of detections (COCO's results form), found an object",
        "[{'image_id': 5, 'category_id': 3, 'bbox': [1, 1, 1, 1]}] | detection 0 has no 'score'",
        "[{'image_id': 5, 'category_id': 3, 'score': 1}] | detection 0 has no 'bbox'",
        "[{'image_id': 5, 'category_id': 3, 'bbox': [1, 1, 1, 1], 'score': NaN}] | detection 0:"
            + " the score of a detection in image 5 is NaN",
        "[{'image_id': 5, 'category_id': 3, 'bbox': [1, NaN, 1, 1], 'score': 1}] | detection 0: a"
            + " box needs four finite numbers",
        "[{'image_id': NaN, 'category_id': 3, 'bbox': [1, 1, 1, 1], 'score': 1}] | detection 0:"
            + " 'image_id' must be an integer, but is NaN",
        "[{'image_id': 8, 'category_id': 3, 'bbox': [1, 1, 1, 1], 'score': 1}]"
            + " | detection 0 has image_id 8, which is not among the images of the ground truth",
        "[{'image_id': 5, 'category_id': 4, 'bbox': [1, 1, 1, 1], 'score': 1}] | detection 0 has"
            + " category_id 4, which is not among the categories of the ground truth",
        "[{'image_id': 5, 'category_id': 3, 'bbox': [1, 1, 1, 1], 'score': 1e999}] | detection 0:"
            + " the score",
        "[{'image_id': 5, 'category_id': 3, 'bbox': [1, 1, 1, 1], 'score': 1}, {'image_id'"
            + " | not valid JSON at line 1",
      })
  void saysWhatIsWrongInAResultsFile(String json, String expected) throws IOException {
    CocoGroundTruth groundTruth = CocoFiles.readGroundTruth(write(GROUND_TRUTH));
    Path file = write(json.replace('\'', '"').replace("COCO\"s", "COCO's"));
    String message =
        assertThrows(
                IOException.class,
                () -> CocoFiles.readResults(file, groundTruth, CocoMatching.CHECKED))
            .getMessage();
    assertTrue(message.startsWith(file + ": " + expected), message);
  }

  /** As Python writes them, from pandas for example; pycocotools reads them. */
  @Test
  void numbersThatAreNoneDoNotMatterInOtherFields() throws IOException {
    Path file =
        write(
            GROUND_TRUTH.replaceFirst(
                "\\{", "{\"info\": {\"version\": NaN, \"least\": [-Infinity]}, "));
    assertEquals(
        CocoFiles.readGroundTruth(write(GROUND_TRUTH)).annotations(),
        CocoFiles.readGroundTruth(file).annotations());
  }

  /** Jackson takes zeros for UTF-16 or UTF-32, and says so without the file. */
  @Test
  void saysThatAFileIsNoText() throws IOException {
    for (byte[] start :
        List.of(new byte[] {0, 0, '[', 0}, new byte[] {'{', 0, 0, 0, 0, 'y', 33, 'y'})) {
      Path file = Files.write(folder.resolve("wide.json"), start);
      String message =
          assertThrows(IOException.class, () -> CocoFiles.readGroundTruth(file)).getMessage();
      assertTrue(message.startsWith(file + ": is no text"), message);
    }
  }

  @Test
  void saysThatAFileIsMissing() {
    Path file = folder.resolve("absent.json");
    assertEquals(
        file + ": no such file",
        assertThrows(IOException.class, () -> CocoFiles.readGroundTruth(file)).getMessage());
  }

  @Test
  void scoringWhatWasWrittenGivesWhatScoringInMemoryGives() throws IOException {
    CocoGroundTruth groundTruth = CocoFiles.readGroundTruth(write(GROUND_TRUTH));
    List<Detection> detections =
        List.of(
            new Detection(new Box(1.1f, 2, 4.4f, 6.1f), 1, 0.7f),
            new Detection(new Box(0, 0, 9, 9), 1, 0.8f));
    CocoEvaluator inMemory = CocoEvaluator.of(groundTruth);
    inMemory.addDetections(5, detections);

    Path file = folder.resolve("results.json");
    try (CocoResultsWriter writer =
        new CocoResultsWriter(file, groundTruth.categories(), List.of())) {
      writer.write(5, "five.jpg", detections);
      writer.write(6, "six.jpg", List.of());
      writer.finish();
    }
    CocoEvaluator fromFile = CocoEvaluator.of(groundTruth);
    fromFile.addResults(CocoFiles.readResults(file, groundTruth, CocoMatching.CHECKED));
    assertEquals(inMemory.evaluate(), fromFile.evaluate());

    JsonNode first = new ObjectMapper().readTree(file.toFile()).get(0);
    assertEquals("five.jpg", first.get("file_name").asText());
    assertEquals("cat", first.get("category").asText());
    assertEquals(3, first.get("category_id").asInt());
    assertEquals((double) 0.7f, first.get("score").asDouble());
    assertEquals((double) 4.4f - 1.1f, first.get("bbox").get(2).asDouble());
  }

  private static final String NAMED =
      """
      {"images": [{"id": 1, "file_name": "set/a.jpg"}, {"id": 2, "file_name": "set/b.jpg"}],
       "categories": [{"id": 3, "name": "cat"}, {"id": 4, "name": "dog"}],
       "annotations": [{"image_id": 1, "category_id": 3, "bbox": [1, 2, 3, 4]}]}
      """;

  private List<CocoResult> results(String groundTruth, CocoMatching matching, String fields)
      throws IOException {
    CocoGroundTruth read = CocoFiles.readGroundTruth(write(groundTruth));
    String json = "[{" + fields + ", \"bbox\": [1, 2, 3, 4], \"score\": 0.5}]";
    return CocoFiles.readResults(write(json), read, matching);
  }

  @Test
  void idsMayBeText() throws IOException {
    String named =
        GROUND_TRUTH
            .replace("\"image_id\": 5", "\"image_id\": \"cam_b\"")
            .replace("\"id\": 5", "\"id\": \"cam_b\"")
            .replace("\"id\": 6.0", "\"id\": \"cam_a\"");
    assertEquals(List.of(1L, 0L), CocoFiles.readGroundTruth(write(named)).imageIds());
    assertEquals(
        1,
        results(named, CocoMatching.CHECKED, "\"image_id\": \"cam_b\", \"category_id\": 3")
            .getFirst()
            .imageId());
    assertEquals(
        5,
        results(GROUND_TRUTH, CocoMatching.CHECKED, "\"image_id\": \"5\", \"category_id\": \"3\"")
            .getFirst()
            .imageId());
  }

  /** An id of another counter must not give a wrong score in silence. */
  @Test
  void aFileNameOfAnotherImageIsAnError() throws IOException {
    String other = "\"image_id\": 1, \"file_name\": \"b.jpg\", \"category_id\": 3";
    String message =
        assertThrows(IOException.class, () -> results(NAMED, CocoMatching.CHECKED, other))
            .getMessage();
    assertTrue(message.contains("image_id 1, which is set/a.jpg"), message);
    assertTrue(message.contains("b.jpg") && message.contains("--match"), message);
    assertEquals(1, results(NAMED, CocoMatching.IMAGE_ID, other).getFirst().imageId());
    assertEquals(2, results(NAMED, CocoMatching.FILE_NAME, other).getFirst().imageId());
    String unknown = other.replace("b.jpg", "zebra.jpg");
    assertThrows(IOException.class, () -> results(NAMED, CocoMatching.CHECKED, unknown));
    assertThrows(IOException.class, () -> results(NAMED, CocoMatching.FILE_NAME, unknown));
    String elsewhere = other.replace("\"image_id\": 1", "\"image_id\": 77");
    assertEquals(2, results(NAMED, CocoMatching.CHECKED, elsewhere).getFirst().imageId());
    String drawn = other.replace("b.jpg", "out/A.png");
    assertEquals(1, results(NAMED, CocoMatching.CHECKED, drawn).getFirst().imageId());
  }

  @Test
  void aNameOfAnotherCategoryIsAnError() throws IOException {
    String other = "\"image_id\": 1, \"category_id\": 3, \"category\": \"dog\"";
    String message =
        assertThrows(IOException.class, () -> results(NAMED, CocoMatching.CHECKED, other))
            .getMessage();
    assertTrue(message.contains("category_id 3, which is cat"), message);
    String counted = other.replace("\"category_id\": 3", "\"category_id\": 1");
    assertEquals(4, results(NAMED, CocoMatching.CHECKED, counted).getFirst().categoryId());
  }

  @Test
  void anEmptyResultIsAnEmptyArray() throws IOException {
    Path file = Files.writeString(folder.resolve("results.json"), "before");
    try (CocoResultsWriter writer = new CocoResultsWriter(file, List.of(), List.of())) {
      assertEquals("before", Files.readString(file));
      writer.finish();
    }
    assertEquals(0, new ObjectMapper().readTree(file.toFile()).size());
  }

  private Path write(String text) throws IOException {
    Path file = Files.createTempFile(folder, "case", ".json");
    return Files.writeString(file, text);
  }
}

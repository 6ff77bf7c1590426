package dev.cocoli.eval;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.management.ThreadMXBean;
import dev.cocoli.structures.Annotation;
import dev.cocoli.structures.Box;
import dev.cocoli.structures.Detection;
import dev.cocoli.structures.Target;
import dev.cocoli.testing.Fixtures;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Compares the twelve metrics with pycocotools, and with values computed by hand for cases that its
 * files do not cover.
 */
class CocoEvaluatorTest {

  private static final Path CASES = Fixtures.folder("eval");
  private static final CocoBox BOX = new CocoBox(10, 10, 50, 50);

  @ParameterizedTest
  @ValueSource(strings = {"coco-a", "coco-b", "coco-c"})
  void agreesWithPycocotools(String name) throws IOException {
    Path folder = CASES.resolve(name);
    CocoMetrics metrics =
        CocoFiles.evaluate(
            folder.resolve("ground_truth.json"),
            folder.resolve("detections.json"),
            CocoMatching.CHECKED);
    ObjectMapper mapper = new ObjectMapper();
    JsonNode expected = mapper.readTree(folder.resolve("expected.json").toFile());
    assertEquals(12, metrics.byName().size());
    metrics
        .byName()
        .forEach((key, value) -> assertEquals(expected.get(key).asDouble(), value, 1e-9, key));
    JsonNode perClass = mapper.readTree(folder.resolve("per_class.json").toFile());
    assertEquals(perClass.size(), metrics.perClass().size());
    for (CocoMetrics.ClassAp ofClass : metrics.perClass()) {
      JsonNode numbers = perClass.get(ofClass.category().name());
      assertEquals(numbers.get(0).asDouble(), ofClass.ap(), 1e-9, ofClass.category().name());
      assertEquals(numbers.get(1).asDouble(), ofClass.ap50(), 1e-9, ofClass.category().name());
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void mergingPartsInAnyOrderGivesExactlyTheWhole(long seed) throws IOException {
    Path folder = CASES.resolve("coco-b");
    CocoGroundTruth groundTruth = CocoFiles.readGroundTruth(folder.resolve("ground_truth.json"));
    List<CocoResult> results =
        CocoFiles.readResults(folder.resolve("detections.json"), groundTruth, CocoMatching.CHECKED);
    CocoEvaluator whole = CocoEvaluator.of(groundTruth);
    whole.addResults(results);

    List<Long> shuffled = new ArrayList<>(groundTruth.imageIds());
    Collections.shuffle(shuffled, new Random(seed));
    List<CocoEvaluator> parts = new ArrayList<>();
    for (int rank = 0; rank < 3; rank++) {
      CocoEvaluator part = new CocoEvaluator(groundTruth.categories());
      for (int i = rank; i < shuffled.size(); i += 3) {
        long imageId = shuffled.get(i);
        part.addImage(
            imageId,
            groundTruth.annotations().stream().filter(a -> a.imageId() == imageId).toList());
        part.addResults(results.stream().filter(r -> r.imageId() == imageId).toList());
      }
      parts.add(part);
    }
    parts.get(2).merge(parts.get(0).matches());
    parts.get(2).merge(parts.get(1).matches());
    assertEquals(whole.evaluate(), parts.get(2).evaluate(), "seed " + seed);
  }

  @Test
  void perfectDetectionsScoreOneAndAbsentClassesAreLeftOut() {
    CocoEvaluator evaluator = CocoEvaluator.ofClasses(List.of("found", "absent", "missed"));
    Target target =
        new Target(List.of(new Box(0, 0, 20, 20), new Box(30, 30, 80, 80)), new int[] {1, 3});
    evaluator.addImage(7, target);
    evaluator.addDetections(7, List.of(new Detection(new Box(0, 0, 20, 20), 1, 0.9f)));
    CocoMetrics metrics = evaluator.evaluate();
    assertEquals(0.5, metrics.ap(), 1e-12); // 1 and 0, the absent class does not count
    assertEquals(1, metrics.aps(), 1e-12);
    assertEquals(0, metrics.apm(), 1e-12);
    assertEquals(-1, metrics.apl());
    assertEquals(1, metrics.perClass().get(0).ap50(), 1e-12);
    assertEquals(-1, metrics.perClass().get(1).ap50());
    assertEquals(0, metrics.perClass().get(2).ap50());
    assertTrue(metrics.summary().contains("-1: the ground truth has no object"), metrics.summary());
  }

  @Test
  void crowdsAndAreasOfATargetCount() {
    Annotation crowd = new Annotation(new Box(100, 100, 300, 300), 1, false, true, 40_000);
    Annotation thin = new Annotation(new Box(0, 0, 90, 90), 1, false, false, 500); // of its mask
    CocoEvaluator evaluator = CocoEvaluator.ofClasses(List.of("thing"));
    evaluator.addImage(1, new Target(List.of(crowd, thin)));
    evaluator.addDetections(1, List.of(new Detection(new Box(0, 0, 90, 90), 1, 0.9f)));
    CocoMetrics metrics = evaluator.evaluate();
    assertEquals(1, metrics.ap(), 1e-12);
    assertEquals(1, metrics.aps(), 1e-12);
    assertEquals(-1, metrics.apm());
  }

  @Test
  void withoutObjectsAllIsUndefinedAndWithoutDetectionsAllIsZero() {
    CocoEvaluator evaluator = CocoEvaluator.ofClasses(List.of("thing"));
    evaluator.addImage(1, List.of());
    evaluator.addDetections(1, List.of(new Detection(new Box(0, 0, 5, 5), 1, 0.5f)));
    assertTrue(evaluator.evaluate().byName().values().stream().allMatch(v -> v == -1));
    evaluator.addImage(2, List.of(CocoAnnotation.of(2, 1, BOX)));
    Map<String, Double> numbers = evaluator.evaluate().byName();
    assertEquals(0.0, numbers.get("AP"));
    assertEquals(0.0, numbers.get("ARm"));
    assertEquals(-1.0, numbers.get("ARs"));
  }

  @Test
  void crowdIsFoundManyTimesAndNeverMissed() {
    CocoEvaluator evaluator = CocoEvaluator.ofClasses(List.of("thing"));
    CocoBox crowd = new CocoBox(100, 100, 200, 200);
    evaluator.addImage(
        1,
        List.of(new CocoAnnotation(1, 1, crowd, crowd.area(), true), CocoAnnotation.of(1, 1, BOX)));
    evaluator.addResults(
        List.of(
            new CocoResult(1, 1, new CocoBox(110, 110, 20, 20), 0.9), // inside: ignored
            new CocoResult(1, 1, new CocoBox(150, 150, 30, 30), 0.8), // inside: ignored again
            new CocoResult(1, 1, BOX, 0.7)));
    CocoMetrics metrics = evaluator.evaluate();
    assertEquals(1, metrics.ap(), 1e-12);
    assertEquals(0, metrics.ar1(), 1e-12); // but they use up the one detection of AR1
    assertEquals(1, metrics.ar10(), 1e-12);
  }

  @Test
  void onlyTheHundredBestOfAClassCount() {
    CocoEvaluator evaluator = CocoEvaluator.ofClasses(List.of("thing"));
    evaluator.addImage(1, List.of(CocoAnnotation.of(1, 1, BOX)));
    List<CocoResult> results = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      results.add(new CocoResult(1, 1, new CocoBox(200 + i, 200, 10, 10), 0.9));
    }
    results.add(new CocoResult(1, 1, BOX, 0.8));
    evaluator.addResults(results);
    assertEquals(0, evaluator.evaluate().ar100());
  }

  @Test
  void ofEqualScoresTheFirstOfAnImageAndTheLowerImageIdRankFirst() {
    CocoEvaluator evaluator = CocoEvaluator.ofClasses(List.of("thing"));
    evaluator.addImage(9, List.of());
    evaluator.addImage(4, List.of(CocoAnnotation.of(4, 1, BOX)));
    evaluator.addResults(
        List.of(
            new CocoResult(9, 1, BOX, 0.0), // wrong, ranks after image 4 though added first
            new CocoResult(4, 1, BOX, -0.0), // right
            new CocoResult(4, 1, new CocoBox(300, 300, 9, 9), 0.0)));
    assertEquals(1, evaluator.evaluate().ap(), 1e-12);
    assertEquals(1, evaluator.evaluate().ar1(), 1e-12);
  }

  @Test
  void anImageAndClassTakeLittleMemory() {
    List<String> classes = IntStream.range(0, 80).mapToObj(i -> "class " + i).toList();
    CocoEvaluator part = CocoEvaluator.ofClasses(classes);
    int images = 25;
    for (int image = 0; image < images; image++) {
      long id = image;
      part.addImage(
          id, LongStream.rangeClosed(1, 80).mapToObj(c -> CocoAnnotation.of(id, c, BOX)).toList());
      part.addResults(
          LongStream.rangeClosed(1, 80).mapToObj(c -> new CocoResult(id, c, BOX, 0.5)).toList());
    }
    byte[] matches = part.matches();
    CocoEvaluator whole = CocoEvaluator.ofClasses(classes);
    ThreadMXBean memory = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long before = memory.getCurrentThreadAllocatedBytes();
    whole.merge(matches);
    long each = (memory.getCurrentThreadAllocatedBytes() - before) / (images * 80);
    assertTrue(each < 400, each + " bytes per image and class");
    assertEquals(1, whole.evaluate().ap(), 1e-12);
  }

  @Test
  void refusesWhatItCannotPlace() {
    CocoEvaluator evaluator = CocoEvaluator.ofClasses(List.of("thing"));
    evaluator.addImage(1, List.of());
    assertMessage("image 1 was added twice", () -> evaluator.addImage(1, List.of()));
    assertMessage(
        "a detection is in image 2, which is not in the ground truth",
        () -> evaluator.addResults(List.of(new CocoResult(2, 1, BOX, 0.5))));
    assertMessage(
        "category id 5 is not among the categories of the ground truth",
        () -> evaluator.addResults(List.of(new CocoResult(1, 5, BOX, 0.5))));
    assertMessage(
        "label 0 has no class: there are 1",
        () -> evaluator.addDetections(1, List.of(new Detection(new Box(0, 0, 1, 1), 0, 0.5f))));
    assertMessage(
        "the score of a detection in image 1 is NaN", () -> new CocoResult(1, 1, BOX, Double.NaN));
    assertMessage(
        "image 1 is in both evaluators",
        () -> {
          CocoEvaluator other = CocoEvaluator.ofClasses(List.of("thing"));
          other.addImage(1, List.of());
          evaluator.merge(other.matches());
        });
    assertMessage(
        "the evaluators have different classes",
        () -> evaluator.merge(CocoEvaluator.ofClasses(List.of("other")).matches()));
  }

  private static void assertMessage(String expected, Runnable action) {
    String message = assertThrows(IllegalArgumentException.class, action::run).getMessage();
    assertTrue(message.startsWith(expected), message);
  }
}

package dev.cocoli.eval;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cocoli.structures.Annotation;
import dev.cocoli.structures.Box;
import dev.cocoli.structures.Detection;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Compares Pascal VOC's AP with an independent computation and with values computed by hand. */
class VocEvaluatorTest {

  private static final Box HERE = new Box(0, 0, 10, 10);
  private static final Box THERE = new Box(50, 50, 70, 70);
  private static final Box NOWHERE = new Box(200, 200, 220, 220);

  @ParameterizedTest
  @ValueSource(strings = {"voc-a.json", "voc-b.json"})
  void agreesWithTheDefinitionInExactFractions(String name) throws IOException {
    JsonNode data = new ObjectMapper().readTree(Path.of("src/test/resources/eval", name).toFile());
    List<String> classes = new ArrayList<>();
    data.get("classes").forEach(node -> classes.add(node.asText()));
    for (double threshold : new double[] {0.5, 0.75}) {
      VocEvaluator evaluator = new VocEvaluator(classes, threshold);
      for (int i = 0; i < data.get("images").size(); i++) {
        addImage(evaluator, i, data.get("images").get(i));
      }
      VocMetrics metrics = evaluator.evaluate();
      JsonNode expected = data.get("expected").get(String.valueOf(threshold));
      double sum07 = 0;
      double sum12 = 0;
      for (VocMetrics.ClassAp ofClass : metrics.perClass()) {
        JsonNode numbers = expected.get(ofClass.name());
        assertEquals(numbers.get(0).asDouble(), ofClass.ap07(), 1e-12, ofClass.name());
        assertEquals(numbers.get(1).asDouble(), ofClass.ap12(), 1e-12, ofClass.name());
        sum07 += Math.max(0, ofClass.ap07());
        sum12 += Math.max(0, ofClass.ap12());
      }
      assertEquals(sum07 / 3, metrics.ap07(), 1e-12); // of four classes one has no object
      assertEquals(sum12 / 3, metrics.ap12(), 1e-12);
    }
  }

  @Test
  void theCurveOfThreeDetectionsByHand() {
    VocEvaluator evaluator = new VocEvaluator(List.of("thing"));
    evaluator.addImage(1, List.of(object(HERE, 1, false), object(THERE, 1, false)));
    evaluator.addDetections(
        1,
        List.of(
            new Detection(HERE, 1, 0.9f), // precision 1 at recall 0.5
            new Detection(NOWHERE, 1, 0.8f),
            new Detection(THERE, 1, 0.7f))); // precision 2/3 at recall 1
    VocMetrics metrics = evaluator.evaluate();
    assertEquals((6 * 1 + 5 * 2 / 3.0) / 11, metrics.ap07(), 1e-12);
    assertEquals(0.5 * 1 + 0.5 * 2 / 3, metrics.ap12(), 1e-12);
  }

  @Test
  void difficultObjectsNeitherHelpNorHarm() {
    VocEvaluator evaluator = new VocEvaluator(List.of("thing"));
    evaluator.addImage(1, List.of(object(HERE, 1, true), object(THERE, 1, false)));
    evaluator.addDetections(
        1,
        List.of(
            new Detection(HERE, 1, 0.9f),
            new Detection(HERE, 1, 0.8f),
            new Detection(THERE, 1, 0.7f)));
    assertEquals(1, evaluator.evaluate().ap12(), 1e-12);
  }

  @Test
  void ofTwoObjectsOverlappedAlikeTheFirstIsCompared() {
    VocEvaluator evaluator = new VocEvaluator(List.of("thing"));
    evaluator.addImage(1, List.of(object(HERE, 1, false), object(HERE, 1, true)));
    evaluator.addDetections(1, List.of(new Detection(HERE, 1, 0.9f)));
    assertEquals(1, evaluator.evaluate().ap12(), 1e-12);
  }

  @Test
  void aSecondDetectionOfAnObjectIsWrong() {
    VocEvaluator evaluator = new VocEvaluator(List.of("thing"));
    evaluator.addImage(1, List.of(object(HERE, 1, false), object(THERE, 1, false)));
    evaluator.addDetections(
        1,
        List.of(
            new Detection(HERE, 1, 0.9f),
            new Detection(HERE, 1, 0.8f),
            new Detection(THERE, 1, 0.7f)));
    assertEquals(0.5 + 0.5 * 2 / 3, evaluator.evaluate().ap12(), 1e-12);
  }

  @Test
  void threeOfTenObjectsReachRecallLevelThree() {
    VocEvaluator evaluator = new VocEvaluator(List.of("thing"));
    for (int i = 0; i < 10; i++) {
      evaluator.addImage(i, List.of(object(HERE, 1, false)));
      evaluator.addDetections(i, i < 3 ? List.of(new Detection(HERE, 1, 0.9f)) : List.of());
    }
    assertEquals(4 / 11.0, evaluator.evaluate().ap07(), 1e-12); // levels 0, 0.1, 0.2 and 0.3
  }

  @Test
  void refusesWhatItCannotPlace() {
    VocEvaluator evaluator = new VocEvaluator(List.of("thing"));
    evaluator.addImage(1, List.of());
    assertThrows(IllegalArgumentException.class, () -> evaluator.addImage(1, List.of()));
    assertThrows(IllegalArgumentException.class, () -> evaluator.addDetections(2, List.of()));
    assertThrows(
        IllegalArgumentException.class,
        () -> evaluator.addDetections(1, List.of(new Detection(HERE, 2, 0.5f))));
    assertThrows(
        IllegalArgumentException.class,
        () -> evaluator.addDetections(1, List.of(new Detection(HERE, 1, Float.NaN))));
  }

  private static Annotation object(Box box, int label, boolean difficult) {
    return new Annotation(box, label, difficult, false, box.area());
  }

  private static void addImage(VocEvaluator evaluator, long imageId, JsonNode image) {
    List<Annotation> objects = new ArrayList<>();
    for (JsonNode node : image.get("objects")) {
      objects.add(object(box(node), node.get("label").asInt(), node.get("difficult").asBoolean()));
    }
    evaluator.addImage(imageId, objects);
    List<Detection> detections = new ArrayList<>();
    for (JsonNode node : image.get("detections")) {
      detections.add(
          new Detection(
              box(node), node.get("label").asInt(), (float) node.get("score").asDouble()));
    }
    evaluator.addDetections(imageId, detections);
  }

  private static Box box(JsonNode node) {
    JsonNode box = node.get("box");
    return new Box(
        (float) box.get(0).asDouble(),
        (float) box.get(1).asDouble(),
        (float) box.get(2).asDouble(),
        (float) box.get(3).asDouble());
  }
}

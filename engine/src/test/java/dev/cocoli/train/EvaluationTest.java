package dev.cocoli.train;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.eval.CocoCategory;
import dev.cocoli.eval.CocoEvaluator;
import dev.cocoli.structures.Annotation;
import dev.cocoli.structures.Box;
import dev.cocoli.structures.Detection;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class EvaluationTest {
  /** A label is a place in the evaluator's list, whatever id the class has there. */
  @Test
  void imagesOfADataSetAreAddedByTheirLabels() {
    AnnotatedImage image =
        new AnnotatedImage(
            5,
            "a",
            Path.of("a"),
            100,
            100,
            List.of(
                Annotation.of(new Box(0, 0, 20, 20), 1),
                Annotation.of(new Box(50, 50, 90, 90), 2)));
    List<Detection> found =
        List.of(
            new Detection(new Box(0, 0, 20, 20), 1, 0.9f),
            new Detection(new Box(50, 50, 90, 90), 2, 0.8f));
    CocoEvaluator evaluator =
        new CocoEvaluator(List.of(new CocoCategory(2, "two"), new CocoCategory(1, "one")));
    Evaluation.add(evaluator, image, found);
    assertEquals(1, evaluator.evaluate().ap(), 1e-12);
  }
}

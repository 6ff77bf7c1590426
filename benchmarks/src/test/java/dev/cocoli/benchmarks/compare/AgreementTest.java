package dev.cocoli.benchmarks.compare;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.structures.Box;
import dev.cocoli.structures.Detection;
import dev.cocoli.tensor.Precision;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class AgreementTest {
  private static final Tolerance EXACT = Tolerance.of(Precision.FP32);
  private static final Tolerance ROUGH = Tolerance.of(Precision.FP32, Precision.BF16);

  private static Detection at(float x, int label, float score) {
    return new Detection(new Box(x, 10, x + 40, 60), label, score);
  }

  private static Found found(Detection... detections) {
    return new Found(List.of(List.of(detections)), Map.of());
  }

  private static Found losses(double classifier, double boxes) {
    return new Found(List.of(), Map.of("loss_classifier", classifier, "loss_box_reg", boxes));
  }

  private static void refused(Found ours, Found theirs, Tolerance tolerance, String why) {
    Optional<String> difference = Agreement.difference(ours, theirs, tolerance);
    assertTrue(difference.isPresent(), "not refused");
    assertTrue(difference.get().contains(why), difference.get());
  }

  @Test
  void theSameInAnotherOrderIsTheSame() {
    Found ours = found(at(0, 1, 0.9f), at(50, 2, 0.5f));
    Found theirs = found(at(50.01f, 2, 0.5001f), at(0, 1, 0.9f));
    assertEquals(Optional.empty(), Agreement.difference(ours, theirs, EXACT));
  }

  @Test
  void anotherPlaceClassOrScoreIsRefused() {
    Found ours = found(at(0, 1, 0.9f));
    refused(ours, found(at(2, 1, 0.9f)), EXACT, "only 0 of 1 detections are the same");
    refused(ours, found(at(0, 2, 0.9f)), EXACT, "class 1, score 0.9000");
    refused(ours, found(at(0, 1, 0.89f)), EXACT, "only 0 of 1");
  }

  @Test
  void oneMoreThanOnceNeedsAsManyPartners() {
    Found twice = found(at(0, 1, 0.9f), at(0, 1, 0.9f));
    refused(twice, found(at(0, 1, 0.9f)), EXACT, "2 here, 1 there");
    refused(found(at(0, 1, 0.9f)), twice, EXACT, "1 here, 2 there");
  }

  @Test
  void aFewOfManyMayDiffer() {
    List<Detection> many = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      many.add(at(100 * i, 1, 0.5f));
    }
    List<Detection> others = new ArrayList<>(many);
    others.set(99, at(5, 9, 0.5f));
    others.set(98, at(5, 9, 0.5f));
    Found ours = new Found(List.of(many), Map.of());
    assertEquals(
        Optional.empty(), Agreement.difference(ours, new Found(List.of(others), Map.of()), EXACT));
    others.set(97, at(5, 9, 0.5f));
    refused(ours, new Found(List.of(others), Map.of()), EXACT, "only 97 of 100");
  }

  @Test
  void nothingFoundProvesNothing() {
    refused(found(), found(), EXACT, "nothing to compare");
    refused(new Found(List.of(), Map.of()), new Found(List.of(), Map.of()), EXACT, "no result");
    refused(found(at(0, 1, 1)), losses(1, 1), EXACT, "results for 1 images, theirs for 0");
  }

  @Test
  void lossesAgreeWithinTheirTolerance() {
    assertEquals(Optional.empty(), Agreement.difference(losses(2, 0.5), losses(2.001, 0.5), EXACT));
    refused(losses(2, 0.5), losses(2.01, 0.5), EXACT, "loss_classifier is 2.000000, theirs 2.01");
    refused(losses(2, 0.5), losses(2, 0.503), EXACT, "loss_box_reg");
    refused(losses(2, Double.NaN), losses(2, 0.5), ROUGH, "loss_box_reg is NaN");
    refused(losses(2, 0.5), new Found(List.of(), Map.of("loss", 1.0)), EXACT, "losses");
  }

  @Test
  void bfloat16AndUpdatesAreGivenRoom() {
    assertEquals(
        Optional.empty(), Agreement.difference(losses(2, 0.010), losses(2.08, 0.007), ROUGH));
    refused(losses(2, 0.5), losses(2.2, 0.5), ROUGH, "loss_classifier");
    assertEquals(
        Optional.empty(),
        Agreement.difference(losses(2, 0.5), losses(2.01, 0.5), EXACT.afterUpdate()));
    assertEquals(
        Optional.empty(),
        Agreement.difference(found(at(0, 1, 0.9f)), found(at(4, 1, 0.8f)), ROUGH));
  }
}

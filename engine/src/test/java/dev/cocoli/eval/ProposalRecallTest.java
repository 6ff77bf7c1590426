package dev.cocoli.eval;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.cocoli.structures.Box;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Compares recall with overlaps computed by hand. */
class ProposalRecallTest {
  @Test
  void countsTheBestOfEachObject() {
    ProposalRecall recall = new ProposalRecall();
    Box object = new Box(0, 0, 10, 10);
    recall.add(
        List.of(object, new Box(50, 50, 60, 60)),
        List.of(new Box(0, 0, 10, 5), new Box(5, 0, 15, 10), new Box(0, 0, 20, 20)));
    recall.add(List.of(object), List.of(new Box(0, 0, 10, 10)));
    recall.add(List.of(object), List.of());
    recall.add(List.of(), List.of(object));
    assertEquals(4, recall.images());
    assertEquals(5, recall.proposals());
    assertEquals(4, recall.objects());
    assertEquals(2, recall.found(0.5)); // an IoU of exactly one half counts at 0.5, but not above
    assertEquals(1, recall.found(0.5001));
    assertEquals(0.5, recall.recall(0.5));
    assertEquals((0.5 + 1) / 4, recall.meanBestOverlap(), 1e-12);
  }

  @Test
  void nothingIsNoNumber() {
    assertEquals(Double.NaN, new ProposalRecall().recall(0.5));
    assertEquals(Double.NaN, new ProposalRecall().meanBestOverlap());
  }
}

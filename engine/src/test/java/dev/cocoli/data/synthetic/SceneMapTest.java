package dev.cocoli.data.synthetic;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.structures.Box;
import java.awt.Rectangle;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Checks the visible parts of overlapping shapes. */
class SceneMapTest {

  @Test
  void boxesAreOfTheVisiblePixels() {
    SceneMap map = new SceneMap(100, 60);
    assertTrue(map.place(new Rectangle(10, 10, 20, 20), 400, 0.6));
    assertEquals(List.of(new Box(10, 10, 30, 30)), map.boxes());
    assertTrue(map.place(new Rectangle(24, 0, 30, 60), 1800, 0.6)); // hides 6 of 20 columns
    assertEquals(List.of(new Box(10, 10, 24, 30), new Box(24, 0, 54, 60)), map.boxes());
    assertTrue(map.showsLast(24, 10));
    assertFalse(map.showsLast(23, 10));
  }

  @Test
  void whatWouldHideTooMuchIsNotPlaced() {
    SceneMap map = new SceneMap(100, 60);
    assertTrue(map.place(new Rectangle(10, 10, 20, 20), 400, 0.6));
    assertFalse(map.place(new Rectangle(20, 0, 30, 60), 1800, 0.6)); // hides 10 of 20 columns
    assertEquals(List.of(new Box(10, 10, 30, 30)), map.boxes());
  }

  @Test
  void whatIsMostlyOutsideIsNotPlaced() {
    SceneMap map = new SceneMap(100, 60);
    assertFalse(map.place(new Rectangle(-10, 0, 20, 20), 400, 0.6));
    assertFalse(map.place(new Rectangle(200, 0, 20, 20), 400, 0.6));
    assertTrue(map.place(new Rectangle(-5, 0, 20, 20), 400, 0.6));
    assertEquals(List.of(new Box(0, 0, 15, 20)), map.boxes());
  }

  @Test
  void boxesThatSuppressionWouldMergeAreNotPlaced() {
    SceneMap map = new SceneMap(100, 60);
    assertTrue(map.place(new Rectangle(10, 10, 20, 20), 400, 0.01));
    assertFalse(map.place(new Rectangle(12, 12, 14, 14), 196, 0.01));
    assertTrue(map.place(new Rectangle(14, 14, 8, 8), 64, 0.01));
  }
}

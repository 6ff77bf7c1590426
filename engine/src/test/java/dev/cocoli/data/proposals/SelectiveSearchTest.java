package dev.cocoli.data.proposals;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.data.image.Image;
import dev.cocoli.data.synthetic.ShapeScenes;
import dev.cocoli.data.synthetic.ShapeScenesConfig;
import dev.cocoli.structures.Box;
import java.util.HashSet;
import java.util.List;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Checks proposals of images with known parts and of unusual images, and that they are the same
 * every time.
 */
class SelectiveSearchTest {
  private static final SelectiveSearchConfig FAST = SelectiveSearchConfig.fast();

  @ParameterizedTest
  @EnumSource(SelectiveSearchMode.class)
  void findsWhatStandsOut(SelectiveSearchMode mode) {
    byte[] rgb = uniform(120, 90, 40, 60, 200);
    fill(rgb, 120, 10, 20, 40, 50, 200, 30, 30);
    fill(rgb, 120, 60, 30, 110, 80, 30, 180, 60);
    List<Box> found = propose(SelectiveSearchConfig.of(mode), 120, 90, rgb);
    assertTrue(found.contains(new Box(10, 20, 40, 50)), found.toString());
    assertTrue(found.contains(new Box(60, 30, 110, 80)), found.toString());
    assertTrue(found.contains(new Box(10, 20, 110, 80)) || found.size() > 2, found.toString());
    assertTrue(found.contains(new Box(0, 0, 120, 90)), found.toString());
  }

  @ParameterizedTest
  @Tag("slow")
  @EnumSource(SelectiveSearchMode.class)
  void neitherThreadsNorRepetitionChangeAnything(SelectiveSearchMode mode) {
    SelectiveSearchConfig config = SelectiveSearchConfig.of(mode);
    try (Image image = scene(160, 120, 5)) {
      List<Box> expected = new SelectiveSearch(config).propose(image);
      assertTrue(expected.size() > 40, "only " + expected.size());
      SelectiveSearch again = new SelectiveSearch(config.withThreads(3));
      assertEquals(expected, again.propose(image));
      assertEquals(expected, again.propose(image));
      assertEquals(expected, again.proposals(null, image));
      assertNotEquals(expected, new SelectiveSearch(config.withSeed(1)).propose(image));
    }
  }

  @Test
  void regionsAreDistinctWholeAndInside() {
    try (Image image = scene(160, 120, 6)) {
      List<Box> found = new SelectiveSearch(FAST).propose(image);
      assertEquals(found.size(), new HashSet<>(found).size());
      found.forEach(box -> assertInside(box, 160, 120));
      for (int most : new int[] {1, 7, found.size(), 10_000}) {
        List<Box> first = new SelectiveSearch(FAST.withMaxProposals(most)).propose(image);
        assertEquals(found.subList(0, Math.min(most, found.size())), first);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"1, 1", "1, 2", "1, 300", "300, 1", "2, 2", "3, 200", "64, 48"})
  void uniformImagesAreOneRegion(int width, int height) {
    Box whole = new Box(0, 0, width, height);
    assertEquals(List.of(whole), propose(FAST, width, height, uniform(width, height, 9, 99, 199)));
    assertEquals(
        List.of(whole),
        propose(SelectiveSearchConfig.quality(), width, height, uniform(width, height, 0, 0, 0)));
  }

  @Test
  void linesAndGreyImagesAreSearched() {
    byte[] line = uniform(400, 1, 20, 20, 20);
    fill(line, 400, 150, 0, 300, 1, 220, 220, 220);
    for (SelectiveSearchMode mode : SelectiveSearchMode.values()) {
      SelectiveSearchConfig config = SelectiveSearchConfig.of(mode);
      assertTrue(propose(config, 400, 1, line).contains(new Box(150, 0, 300, 1)));
      assertTrue(propose(config, 1, 400, line).contains(new Box(0, 150, 1, 300)));
    }
    byte[] grey = uniform(100, 80, 90, 90, 90);
    fill(grey, 100, 20, 10, 60, 50, 160, 160, 160);
    assertTrue(propose(FAST, 100, 80, grey).contains(new Box(20, 10, 60, 50)));
  }

  @Test
  void largeImagesAreSearchedInASmallerCopy() {
    byte[] rgb = uniform(2501, 100, 40, 60, 200);
    fill(rgb, 2501, 600, 30, 1200, 90, 200, 30, 30);
    List<Box> found = propose(FAST, 2501, 100, rgb);
    found.forEach(box -> assertInside(box, 2501, 100));
    assertTrue(found.contains(new Box(600, 30, 1200, 90)), found.toString());
    assertTrue(found.contains(new Box(0, 0, 2501, 100)), found.toString());
  }

  @Test
  void settingsAreChecked() {
    assertThrows(IllegalArgumentException.class, () -> FAST.withMaxProposals(0));
    assertThrows(IllegalArgumentException.class, () -> FAST.withThreads(0));
    assertEquals("selective search, mode fast, at most 2000 regions, seed 0", FAST.settings());
  }

  @Test
  void anInterruptEndsAParallelSearch() {
    try (Image image = scene(160, 120, 5)) {
      Thread.currentThread().interrupt();
      SelectiveSearch search = new SelectiveSearch(FAST.withThreads(2));
      assertThrows(CancellationException.class, () -> search.propose(image));
    } finally {
      assertTrue(Thread.interrupted());
    }
  }

  private static void assertInside(Box box, int width, int height) {
    assertTrue(box.x1() >= 0 && box.x1() < box.x2() && box.x2() <= width, box.toString());
    assertTrue(box.y1() >= 0 && box.y1() < box.y2() && box.y2() <= height, box.toString());
  }

  private static List<Box> propose(
      SelectiveSearchConfig config, int width, int height, byte[] rgb) {
    try (Image image = Image.of(height, width, rgb)) {
      return new SelectiveSearch(config).propose(image);
    }
  }

  private static Image scene(int width, int height, int index) {
    ShapeScenes scenes = new ShapeScenes(ShapeScenesConfig.of(width, height, 1));
    return Image.of(scenes.scene(index).image());
  }

  private static byte[] uniform(int width, int height, int red, int green, int blue) {
    byte[] rgb = new byte[3 * width * height];
    fill(rgb, width, 0, 0, width, height, red, green, blue);
    return rgb;
  }

  private static void fill(byte[] rgb, int width, int x1, int y1, int x2, int y2, int... colour) {
    byte[] bytes = new byte[3];
    for (int i = 0; i < 3; i++) {
      bytes[i] = (byte) colour[i];
    }
    for (int y = y1; y < y2; y++) {
      for (int x = x1; x < x2; x++) {
        System.arraycopy(bytes, 0, rgb, 3 * (y * width + x), 3);
      }
    }
  }
}

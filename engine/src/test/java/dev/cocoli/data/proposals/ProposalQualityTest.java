package dev.cocoli.data.proposals;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.data.Dataset;
import dev.cocoli.data.formats.VocDataset;
import dev.cocoli.data.image.Image;
import dev.cocoli.data.image.ImageDecoder;
import dev.cocoli.data.synthetic.ShapeScene;
import dev.cocoli.data.synthetic.ShapeScenes;
import dev.cocoli.data.synthetic.ShapeScenesConfig;
import dev.cocoli.eval.ProposalRecall;
import dev.cocoli.structures.Box;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Checks that the fast mode covers the objects of a few images at least as well as OpenCV
 * contrib's. {@code OpenCvComparisonTest} in {@code benchmarks} compares all 100 images with OpenCV
 * itself, and has written the numbers (see {@code proposals/README.md}).
 */
@Tag("slow")
class ProposalQualityTest {
  /** Every eighth image suffices to notice a bug, and takes a few seconds. */
  private static final int STRIDE = 8;

  private static final int IMAGES = 50;

  /** The coverage by OpenCV's proposals: objects, those found at IoU 0.5, the sum of overlaps. */
  private record Covered(int objects, int found, double overlap) {}

  private static final Map<String, Covered> OPENCV = new HashMap<>();

  private final SelectiveSearch search = new SelectiveSearch(SelectiveSearchConfig.fast());
  private final ProposalRecall ours = new ProposalRecall();
  private int theirObjects;
  private int theirFound;
  private double theirOverlap;

  @BeforeAll
  static void read() throws IOException {
    try (InputStream in = ProposalQualityTest.class.getResourceAsStream("/proposals/opencv.csv")) {
      String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
      for (String line : text.lines().skip(1).toList()) {
        String[] cells = line.split(",");
        OPENCV.put(
            cells[0],
            new Covered(
                Integer.parseInt(cells[1]),
                Integer.parseInt(cells[2]),
                Double.parseDouble(cells[3])));
      }
    }
    assertEquals(2 * IMAGES, OPENCV.size());
  }

  @Test
  void scenesAreCoveredNoLessThanByOpenCv() {
    ShapeScenes scenes = new ShapeScenes(ShapeScenesConfig.of(500, 375, 1));
    for (int i = 0; i < IMAGES; i += STRIDE) {
      ShapeScene scene = scenes.scene(i);
      try (Image image = Image.of(scene.image())) {
        add("scene " + i, image, scene.target().boxes());
      }
    }
    assertNoLess();
  }

  @Test
  void bloodCellsAreCoveredNoLessThanByOpenCv() {
    Dataset data = VocDataset.open(bccd(), "test");
    for (int i = 0; i < IMAGES; i += STRIDE) {
      AnnotatedImage annotated = data.get(i);
      try (Image image = new ImageDecoder().decode(annotated)) {
        add(annotated.fileName(), image, annotated.target().boxes());
      }
    }
    assertNoLess();
  }

  private void add(String name, Image image, List<Box> groundTruth) {
    Covered theirs = OPENCV.get(name);
    ours.add(groundTruth, search.propose(image));
    theirObjects += theirs.objects();
    theirFound += theirs.found();
    theirOverlap += theirs.overlap();
  }

  private void assertNoLess() {
    assertEquals(theirObjects, ours.objects(), "the numbers are of other images");
    assertTrue(ours.objects() > 10);
    String numbers =
        "recall %.3f, overlap %.3f; OpenCV %.3f, %.3f"
            .formatted(
                ours.recall(0.5),
                ours.meanBestOverlap(),
                (double) theirFound / theirObjects,
                theirOverlap / theirObjects);
    assertTrue(ours.found(0.5) >= theirFound, numbers);
    assertTrue(ours.meanBestOverlap() >= theirOverlap / theirObjects, numbers);
  }

  private static Path bccd() {
    Path at = Path.of("").toAbsolutePath();
    while (at != null && !Files.isDirectory(at.resolve("shared/data/bccd"))) {
      at = at.getParent();
    }
    if (at == null) {
      System.err.println(
          "ProposalQualityTest skipped: there is no folder shared/data/bccd here or above");
    }
    Assumptions.assumeTrue(at != null, "there is no folder shared/data/bccd here or above");
    return at.resolve("shared/data/bccd");
  }
}

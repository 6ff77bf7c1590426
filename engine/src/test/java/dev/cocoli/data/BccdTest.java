package dev.cocoli.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.data.AnnotationReport.Problem;
import dev.cocoli.data.formats.VocDataset;
import dev.cocoli.data.image.Image;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Reads the blood cells of the shared data folder: 364 photographs, 4,888 boxes, of which two have
 * no area.
 */
@Tag("slow")
class BccdTest {

  private static Path bccd;

  @BeforeAll
  static void find() {
    Path at = Path.of("").toAbsolutePath();
    while (at != null && !Files.isDirectory(at.resolve("shared/data/bccd"))) {
      at = at.getParent();
    }
    if (at == null) {
      System.err.println("BccdTest skipped: there is no folder shared/data/bccd here or above");
    }
    Assumptions.assumeTrue(at != null, "there is no folder shared/data/bccd here or above");
    bccd = at.resolve("shared/data/bccd");
  }

  @Test
  void dropsTheTwoBoxesWithoutArea() {
    VocDataset train = VocDataset.open(bccd, "trainval");
    VocDataset test = VocDataset.open(bccd, "test");
    assertEquals(List.of("Platelets", "RBC", "WBC"), train.classNames());
    assertEquals(train.classNames(), test.classNames());
    assertEquals(364, train.size() + test.size());
    assertEquals(4886, train.report().objects() + test.report().objects());
    assertEquals(2, train.report().counts().get(Problem.DEGENERATE_BOX));
    assertEquals(2, train.report().objectsDropped());
    assertEquals(0, test.report().objectsDropped());
    String messages = train.report().findings().toString();
    assertTrue(messages.contains("BloodImage_00338.xml: object 13 (RBC)"), messages);
    assertTrue(messages.contains("BloodImage_00343.xml: object 4 (RBC)"), messages);
    assertEquals(
        "292 images, 3,941 objects; dropped 2 objects (2 x box without area)",
        train.report().summary());
  }

  @Test
  void decodesEveryImage() {
    VocDataset data = VocDataset.open(bccd, "test");
    long before = Image.allocatedByteSize();
    int images = 0;
    DataLoaderConfig config =
        DataLoaderConfig.of(8).withData(d -> d.withBrokenImages(BrokenImagePolicy.ERROR));
    try (DataLoader loader = new DataLoader(data, config, System.err::println);
        Epoch epoch = loader.inOrder()) {
      while (epoch.hasNext()) {
        try (Batch batch = epoch.next()) {
          images += batch.images().size();
          batch.images().forEach(image -> assertEquals(640 * 480 * 3, image.pixels().byteSize()));
        }
      }
    }
    assertEquals(72, images);
    assertEquals(before, Image.allocatedByteSize());
  }
}

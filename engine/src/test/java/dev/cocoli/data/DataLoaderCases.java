package dev.cocoli.data;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.cocoli.data.formats.VocDataset;
import dev.cocoli.data.image.Image;
import dev.cocoli.structures.Box;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** Eleven images with a box each, and what batches of them hold. */
abstract class DataLoaderCases {

  static final int IMAGES = 11;
  static final int WIDTH = 40;

  @TempDir Path folder;

  VocDataset dataset;
  long allocatedBefore;

  @BeforeEach
  void makeImages() throws IOException {
    allocatedBefore = Image.allocatedByteSize();
    VocFolder voc = new VocFolder(folder);
    String[] stems = new String[IMAGES];
    for (int i = 0; i < IMAGES; i++) {
      stems[i] = "p" + i;
      byte[] png = TestImages.encoded(TestImages.gradient(WIDTH, 30, 20 * i), "png");
      String object = VocFolder.object("dog", 1 + i, 2, 15 + i, 20);
      voc.image(stems[i] + ".png", png).annotation(stems[i], VocFolder.xml("", WIDTH, 30, object));
    }
    voc.split("train", stems);
    dataset = VocDataset.open(folder, "train");
  }

  @AfterEach
  void nothingIsLeft() {
    assertEquals(allocatedBefore, Image.allocatedByteSize(), "bytes of images left open");
  }

  static DataLoaderConfig config(int batchSize) {
    return DataLoaderConfig.of(batchSize)
        .withSeed(42)
        .withData(d -> d.withWorkers(3).withPrefetchBatches(2));
  }

  DataLoader loader(DataLoaderConfig config) {
    return new DataLoader(dataset, config, DataLoaderCases::unexpected);
  }

  static void unexpected(String warning) {
    throw new AssertionError("a warning: " + warning);
  }

  /** The contents of a batch, for comparisons. */
  record Seen(
      int index,
      List<String> names,
      List<List<Box>> boxes,
      List<List<Integer>> labels,
      int pixels) {}

  static Seen seen(Batch batch) {
    return new Seen(
        batch.index(),
        batch.fileNames(),
        batch.targets().stream().map(target -> target.boxes()).toList(),
        batch.targets().stream()
            .map(target -> Arrays.stream(target.labels()).boxed().toList())
            .toList(),
        batch.images().stream().map(TestImages::bytes).toList().stream()
            .mapToInt(Arrays::hashCode)
            .reduce(1, (a, b) -> 31 * a + b));
  }

  static List<Seen> all(Epoch epoch) {
    List<Seen> seen = new ArrayList<>();
    try (epoch) {
      while (epoch.hasNext()) {
        try (Batch batch = epoch.next()) {
          seen.add(seen(batch));
        }
      }
    }
    return seen;
  }

  List<Seen> epoch(DataLoaderConfig config, int epoch, int firstBatch) {
    try (DataLoader loader = loader(config)) {
      return all(loader.epoch(epoch, firstBatch));
    }
  }

  static Set<String> names(List<Seen> batches) {
    Set<String> names = new HashSet<>();
    batches.forEach(batch -> names.addAll(batch.names()));
    return names;
  }
}

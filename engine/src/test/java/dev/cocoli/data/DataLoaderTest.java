package dev.cocoli.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.data.augment.HorizontalFlip;
import dev.cocoli.data.image.Image;
import dev.cocoli.data.image.ImageDecodeException;
import dev.cocoli.structures.Box;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Which images the batches of an epoch have. */
class DataLoaderTest extends DataLoaderCases {
  @Test
  void deliversWholeBatchesOfDifferentImages() {
    List<Seen> batches = epoch(config(4), 0, 0);
    assertEquals(2, batches.size());
    assertEquals(List.of(0, 1), batches.stream().map(Seen::index).toList());
    assertEquals(8, names(batches).size());
  }

  @Test
  void imagesBoxesAndNamesBelongTogether() {
    int flips = 0;
    try (DataLoader loader = loader(config(IMAGES));
        Epoch epoch = loader.epoch(0, 0);
        Batch batch = epoch.next()) {
      for (int i = 0; i < IMAGES; i++) {
        Image image = batch.images().get(i);
        int number = Integer.parseInt(batch.fileNames().get(i).replaceAll("\\D", ""));
        assertEquals(20 * number, TestImages.sample(image, 0, 0, 2));
        Box box = batch.targets().get(i).boxes().getFirst();
        boolean flipped = TestImages.sample(image, 0, 0, 0) > 128;
        flips += flipped ? 1 : 0;
        Box written = new Box(1 + number, 2, 15 + number, 20);
        Box mirrored = new Box(WIDTH - 15 - number, 2, WIDTH - 1 - number, 20);
        assertEquals(flipped ? mirrored : written, box);
        assertEquals(written, batch.annotatedImages().get(i).annotations().getFirst().box());
      }
    }
    assertTrue(flips > 0 && flips < IMAGES, flips + " flips");
  }

  @Test
  void flipsAllOrNone() {
    for (double probability : new double[] {0, 1}) {
      try (DataLoader loader =
              loader(
                  config(5).withData(d -> d.withAugmentations(new HorizontalFlip(probability))));
          Epoch epoch = loader.epoch(3, 0);
          Batch batch = epoch.next()) {
        for (Image image : batch.images()) {
          assertEquals(probability == 1, TestImages.sample(image, 0, 0, 0) > 128);
        }
      }
    }
  }

  @Test
  void isDeterminedBySeedAndEpoch() {
    List<Seen> once = epoch(config(2), 5, 0);
    assertEquals(once, epoch(config(2), 5, 0));
    assertEquals(
        once,
        epoch(config(2).withData(d -> d.withWorkers(1).withPrefetchBatches(0)), 5, 0),
        "threads change nothing");
    assertNotEquals(once, epoch(config(2), 6, 0));
    assertNotEquals(once, epoch(config(2).withSeed(43), 5, 0));
  }

  @Test
  void goesOnInTheMiddleOfAnEpoch() {
    List<Seen> whole = epoch(config(2), 5, 0);
    for (int first = 0; first <= whole.size(); first++) {
      assertEquals(whole.subList(first, whole.size()), epoch(config(2), 5, first));
    }
    assertThrows(IllegalArgumentException.class, () -> epoch(config(2), 5, 6));
    assertThrows(IllegalArgumentException.class, () -> epoch(config(2), 5, -1));
  }

  @Test
  void goingOnDecodesNothingThatWasSkipped() throws IOException {
    List<Seen> whole = epoch(config(2), 5, 0);
    for (int skipped = 0; skipped < 3; skipped++) {
      for (String name : whole.get(skipped).names()) {
        Files.delete(folder.resolve("JPEGImages").resolve(name));
      }
    }
    assertEquals(whole.subList(3, 5), epoch(config(2), 5, 3));
  }

  @Test
  void replicasShareEachBatch() {
    List<Seen> whole = epoch(config(4), 1, 0);
    List<Seen> first = epoch(config(4).withReplica(0, 2), 1, 0);
    List<Seen> second = epoch(config(4).withReplica(1, 2), 1, 0);
    for (int i = 0; i < whole.size(); i++) {
      List<String> both = new ArrayList<>(first.get(i).names());
      both.addAll(second.get(i).names());
      assertEquals(whole.get(i).names(), both);
      List<List<Box>> boxes = new ArrayList<>(first.get(i).boxes());
      boxes.addAll(second.get(i).boxes());
      assertEquals(whole.get(i).boxes(), boxes);
    }
    assertThrows(IllegalArgumentException.class, () -> config(4).withReplica(0, 3));
    assertThrows(IllegalArgumentException.class, () -> config(4).withReplica(2, 2));
  }

  /**
   * An odd number of images in batches of three replicas, so that the last batch cannot be divided
   * evenly.
   */
  @Test
  void replicasLoseAndRepeatNoImage() {
    List<Seen> whole = epoch(config(6).withData(d -> d.withLastBatch(LastBatch.KEEP)), 1, 0);
    List<String> names = whole.stream().flatMap(batch -> batch.names().stream()).toList();
    assertEquals(IMAGES, names.size());
    assertEquals(IMAGES, new HashSet<>(names).size());
    List<List<Seen>> shards = new ArrayList<>();
    for (int rank = 0; rank < 3; rank++) {
      shards.add(
          epoch(
              config(6).withData(d -> d.withLastBatch(LastBatch.KEEP)).withReplica(rank, 3), 1, 0));
      assertEquals(whole.size(), shards.get(rank).size(), "steps of rank " + rank);
    }
    for (int i = 0; i < whole.size(); i++) {
      List<String> all = new ArrayList<>();
      for (List<Seen> shard : shards) {
        all.addAll(shard.get(i).names());
      }
      assertEquals(whole.get(i).names(), all, "batch " + i);
    }
  }

  @Test
  void sharesArePartsOfABatch() {
    for (int total = 0; total < 12; total++) {
      for (int worldSize = 1; worldSize < 6; worldSize++) {
        int next = 0;
        double weights = 0;
        for (int rank = 0; rank < worldSize; rank++) {
          Shard shard = Shard.of(total, rank, worldSize);
          assertEquals(next, shard.first());
          assertTrue(shard.count() - total / worldSize <= 1, shard.toString());
          next += shard.count();
          weights += total == 0 ? 1 : shard.weight(worldSize);
        }
        assertEquals(total, next);
        assertEquals(worldSize, weights, 1e-12);
      }
    }
  }

  @Test
  void passesThroughAllInOrderForScoring() {
    try (DataLoader loader =
        loader(config(4).withData(d -> d.withAugmentations(new HorizontalFlip(1))))) {
      List<Seen> batches = all(loader.inOrder());
      List<String> names = batches.stream().flatMap(batch -> batch.names().stream()).toList();
      List<String> expected = new ArrayList<>();
      for (int i = 0; i < IMAGES; i++) {
        expected.add("p" + i + ".png");
        assertEquals(
            dataset.get(i).target().boxes(), batches.get(i / 4).boxes().get(i % 4), "unflipped");
      }
      assertEquals(expected, names);
      assertEquals(3, batches.getLast().names().size());
    }
  }

  @Test
  void needsAWholeBatch() {
    try (DataLoader loader = loader(config(12))) {
      String message = assertThrows(DataException.class, () -> loader.epoch(0, 0)).getMessage();
      assertTrue(message.contains("11 images, fewer than one batch of 12"), message);
      assertEquals(1, all(loader.inOrder()).size(), "scoring needs no whole batch");
    }
  }

  // ---- broken images

  private void truncate(String name) throws IOException {
    Path file = folder.resolve("JPEGImages").resolve(name);
    byte[] bytes = Files.readAllBytes(file);
    Files.write(file, Arrays.copyOf(bytes, bytes.length / 2));
  }

  @Test
  void stopsAtABrokenImageIfAsked() throws IOException {
    String name = epoch(config(2), 0, 0).get(2).names().getLast();
    truncate(name);
    DataLoaderConfig config = config(2).withData(d -> d.withBrokenImages(BrokenImagePolicy.ERROR));
    try (DataLoader loader = loader(config);
        Epoch epoch = loader.epoch(0, 0)) {
      epoch.next().close();
      epoch.next().close();
      String message = assertThrows(ImageDecodeException.class, epoch::next).getMessage();
      assertTrue(message.contains(name) && message.contains("truncated"), message);
      assertFalse(epoch.hasNext());
      nothingIsLeft();
    }
  }

  @Test
  void putsTheNextImageInPlaceOfABrokenOne() throws IOException {
    List<Seen> whole = epoch(config(2), 0, 0);
    String broken = whole.get(1).names().getLast();
    truncate(broken);
    List<String> warnings = new ArrayList<>();
    try (DataLoader loader = new DataLoader(dataset, config(2), warnings::add)) {
      List<Seen> batches = all(loader.epoch(0, 0));
      assertEquals(whole.get(0), batches.get(0));
      assertEquals(
          List.of(whole.get(1).names().getFirst(), whole.get(2).names().getFirst()),
          batches.get(1).names());
      assertEquals(whole.get(2), batches.get(2));
      assertEquals(batches.subList(1, 5), all(loader.epoch(0, 1)), "the same when resumed");
      for (int epoch = 1; epoch < 4; epoch++) {
        all(loader.epoch(epoch, 0));
      }
      assertEquals(1, warnings.size(), "told once: " + warnings);
      String path = folder.resolve("JPEGImages").resolve(broken).toString();
      assertTrue(warnings.getFirst().contains(path), warnings.getFirst());
    }
  }

  @Test
  void leavesABrokenImageOutOfScoring() throws IOException {
    truncate("p4.png");
    truncate("p5.png");
    List<String> warnings = new ArrayList<>();
    try (DataLoader loader = new DataLoader(dataset, config(2), warnings::add)) {
      List<Seen> batches = all(loader.inOrder());
      assertEquals(List.of("p2.png", "p3.png"), batches.get(1).names());
      assertEquals(List.of(), batches.get(2).names());
      assertEquals(List.of("p6.png", "p7.png"), batches.get(3).names());
    }
    assertEquals(2, warnings.size());
  }

  @Test
  void saysWhenEveryImageIsBroken() throws IOException {
    for (int i = 0; i < IMAGES; i++) {
      truncate("p" + i + ".png");
    }
    try (DataLoader loader = new DataLoader(dataset, config(2), warning -> {});
        Epoch epoch = loader.epoch(0, 0)) {
      String message = assertThrows(DataException.class, epoch::next).getMessage();
      assertTrue(message.contains("no image of the data set can be decoded"), message);
    }
  }
}

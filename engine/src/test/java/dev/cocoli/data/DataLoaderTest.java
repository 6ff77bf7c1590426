package dev.cocoli.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.data.augment.HorizontalFlip;
import dev.cocoli.data.formats.VocDataset;
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
import java.util.NoSuchElementException;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DataLoaderTest {

  private static final int IMAGES = 11;
  private static final int WIDTH = 40;

  @TempDir Path folder;

  private VocDataset dataset;
  private long allocatedBefore;

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

  private static DataLoaderConfig config(int batchSize) {
    return DataLoaderConfig.of(batchSize)
        .withSeed(42)
        .withData(d -> d.withWorkers(3).withPrefetchBatches(2));
  }

  private DataLoader loader(DataLoaderConfig config) {
    return new DataLoader(dataset, config, DataLoaderTest::unexpected);
  }

  private static void unexpected(String warning) {
    throw new AssertionError("a warning: " + warning);
  }

  /** The contents of a batch, for comparisons. */
  private record Seen(
      int index,
      List<String> names,
      List<List<Box>> boxes,
      List<List<Integer>> labels,
      int pixels) {}

  private static Seen seen(Batch batch) {
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

  private static List<Seen> all(Epoch epoch) {
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

  private List<Seen> epoch(DataLoaderConfig config, int epoch, int firstBatch) {
    try (DataLoader loader = loader(config)) {
      return all(loader.epoch(epoch, firstBatch));
    }
  }

  private static Set<String> names(List<Seen> batches) {
    Set<String> names = new HashSet<>();
    batches.forEach(batch -> names.addAll(batch.names()));
    return names;
  }

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

  // ---- bounds and ends

  /** A data set that counts its reads; the loader reads an entry when it decodes the image. */
  private record Counting(Dataset inner, AtomicInteger decoded) implements Dataset {
    @Override
    public List<String> classNames() {
      return inner.classNames();
    }

    @Override
    public int size() {
      return inner.size() * 100;
    }

    @Override
    public AnnotatedImage get(int index) {
      decoded.incrementAndGet();
      return inner.get(index % inner.size());
    }

    @Override
    public AnnotationReport report() {
      return inner.report();
    }
  }

  @Test
  void decodesNoFurtherAheadThanAllowed() throws InterruptedException {
    int byteSize = 3 * WIDTH * 30;
    Dataset many = new Counting(dataset, new AtomicInteger());
    try (DataLoader loader = new DataLoader(many, config(4), DataLoaderTest::unexpected);
        Epoch epoch = loader.epoch(0, 0)) {
      for (int i = 0; i < 5; i++) {
        epoch.next().close();
        Thread.sleep(100); // time to overrun the bound
        long held = Image.allocatedByteSize() - allocatedBefore;
        assertTrue(held <= 2L * 4 * byteSize, held / byteSize + " images are held");
      }
      assertTrue(epoch.waitNanos() > 0);
    }
  }

  private static long workerThreads() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().startsWith("cocoli-data-"))
        .peek(thread -> assertTrue(thread.isDaemon()))
        .count();
  }

  @Test
  void closingInTheMiddleStopsAndFreesAll() throws InterruptedException {
    DataLoader loader = loader(config(2));
    Epoch epoch = loader.epoch(0, 0);
    Batch taken = epoch.next();
    assertTrue(workerThreads() > 0);
    loader.close();
    loader.close();
    assertFalse(epoch.hasNext());
    assertThrows(NoSuchElementException.class, epoch::next);
    assertThrows(IllegalStateException.class, () -> loader.epoch(1, 0));
    assertEquals(
        allocatedBefore + 2L * 3 * WIDTH * 30,
        Image.allocatedByteSize(),
        "what was handed out is the taker's");
    taken.close();
    taken.close();
    for (int i = 0; i < 3000 && workerThreads() > 0; i++) {
      Thread.sleep(20); // a thread that has ended is still listed for a moment
    }
    assertEquals(0, workerThreads());
  }

  @Test
  void closingFromAnotherThreadEndsTheWait() throws InterruptedException {
    for (int round = 0; round < 30; round++) {
      Dataset many = new Counting(dataset, new AtomicInteger());
      DataLoader loader = new DataLoader(many, config(8), DataLoaderTest::unexpected);
      Thread closer = Thread.ofPlatform().start(loader::close);
      try (Epoch epoch = loader.epoch(0, 0)) {
        while (epoch.hasNext()) {
          Batch batch = epoch.next();
          int size = batch.images().size();
          batch.close();
          assertEquals(8, size, "a batch is whole or is not");
        }
      } catch (NoSuchElementException | IllegalStateException e) {
        // closed before, between or during batches
      }
      closer.join();
      nothingIsLeft();
    }
  }

  /**
   * Covers the case that the batch is ready, so that the result does not depend on the decoders'
   * speed.
   */
  @ParameterizedTest
  @ValueSource(ints = {0, 300})
  void anInterruptEndsTheWait(int headStartMillis) throws InterruptedException {
    try (DataLoader loader = loader(config(2));
        Epoch epoch = loader.epoch(0, 0)) {
      Thread.sleep(headStartMillis);
      Thread.currentThread().interrupt();
      assertThrows(CancellationException.class, epoch::next);
      assertTrue(Thread.interrupted());
      nothingIsLeft();
    }
  }

  @Test
  void refusesSettingsOutOfRange() {
    assertThrows(IllegalArgumentException.class, () -> DataLoaderConfig.of(0));
    assertThrows(IllegalArgumentException.class, () -> new HorizontalFlip(1.1));
    assertThrows(IllegalArgumentException.class, () -> new HorizontalFlip(Double.NaN));
    assertThrows(IllegalArgumentException.class, () -> DataConfig.DEFAULT.withWorkers(0));
    assertThrows(IllegalArgumentException.class, () -> DataConfig.DEFAULT.withPrefetchBatches(-1));
  }

  // ---- the generator

  /** The numbers must never change, or runs could not be resumed with a later version. */
  @Test
  void shufflesAsEver() {
    assertArrayEquals(new int[] {7, 5, 3, 1, 4, 6, 0, 2}, EpochOrder.shuffled(1, 2, 8));
    StringBuilder flips = new StringBuilder();
    for (int index = 0; index < 16; index++) {
      flips.append(EpochOrder.random(1, 2, index, 0).nextDouble() < 0.5 ? 'X' : '-');
    }
    assertEquals("----X-X-X-X---XX", flips.toString());
  }

  @Test
  void shufflesEvenly() {
    int[][] counts = new int[6][6];
    int flips = 0;
    int rounds = 60_000;
    for (int epoch = 0; epoch < rounds; epoch++) {
      int[] order = EpochOrder.shuffled(7, epoch, 6);
      for (int position = 0; position < 6; position++) {
        counts[position][order[position]]++;
      }
      flips += EpochOrder.random(7, epoch, 3, 0).nextDouble() < 0.3 ? 1 : 0;
    }
    for (int[] row : counts) {
      for (int count : row) {
        assertEquals(rounds / 6.0, count, 500, "five standard deviations");
      }
    }
    assertEquals(0.3 * rounds, flips, 600);
  }
}

package dev.cocoli.data.proposals;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.data.DataException;
import dev.cocoli.data.Dataset;
import dev.cocoli.data.InMemoryDataset;
import dev.cocoli.data.image.Image;
import dev.cocoli.data.proposals.ProposalIndex.Entry;
import dev.cocoli.structures.Box;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CancellationException;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Writes and reads proposals files, and checks that other files are rejected. */
class ProposalFileTest {
  private static final int WIDTH = 70;
  private static final int HEIGHT = 50;

  @TempDir private Path folder;
  private Path file;
  private ListedImages data;

  @BeforeEach
  void draw() throws IOException {
    file = folder.resolve("regions.bin");
    List<AnnotatedImage> images = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      images.add(annotated("p" + i + ".png", i, WIDTH, HEIGHT));
    }
    data = new ListedImages(images);
  }

  private AnnotatedImage annotated(String name, int id, int width, int height) throws IOException {
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    SplittableRandom random = new SplittableRandom(id);
    for (int i = 0; i < width * height; i++) {
      image.setRGB(i % width, i / width, random.nextInt() & 0xFFFFFF);
    }
    Path path = Files.createDirectories(folder.resolve("images")).resolve(name);
    ImageIO.write(image, "png", path.toFile());
    return new AnnotatedImage(id, name, path, width, height, List.of());
  }

  /** Returns as many regions as the image's number times 100; none for the first image. */
  private static List<Box> regions(AnnotatedImage image, Image decoded) {
    SplittableRandom random = new SplittableRandom(image.imageId());
    List<Box> boxes = new ArrayList<>();
    for (int i = 0; i < 100 * image.imageId(); i++) {
      int x1 = random.nextInt(image.width());
      int y1 = random.nextInt(image.height());
      int x2 = random.nextInt(x1 + 1, image.width() + 1);
      int y2 = random.nextInt(y1 + 1, image.height() + 1);
      boxes.add(new Box(x1, y1, x2, y2));
    }
    return boxes;
  }

  private void write() {
    ProposalFile.write(file, data, ProposalFileTest::regions, "as drawn", 2);
  }

  @Test
  void whatIsWrittenIsRead() throws IOException {
    write();
    try (ProposalFile read = ProposalFile.read(file)) {
      read.requireFor(data);
      assertEquals("as drawn", read.settings());
      assertEquals(5, read.size());
      assertEquals(1000, read.regions());
      for (int i : new int[] {3, 0, 4, 1, 2}) {
        AnnotatedImage image = data.get(i);
        assertEquals(regions(image, null), read.proposals(image, null));
      }
    }
    try (Stream<Path> files = Files.list(folder)) {
      assertEquals(2, files.count()); // the images and the file, nothing temporary
    }
    assertTrue(Files.size(file) < 8 * 1000, "it is not packed: " + Files.size(file));
  }

  /** As of a data set in memory, or in a database: such images are known by name and size. */
  @Test
  void imagesNeedNoFile() {
    List<InMemoryDataset.Entry> entries = new ArrayList<>();
    for (String name : List.of("one", "two")) {
      BufferedImage image = new BufferedImage(WIDTH, HEIGHT, BufferedImage.TYPE_INT_RGB);
      entries.add(InMemoryDataset.Entry.of(name, image, List.of()));
    }
    Dataset inMemory = new InMemoryDataset(List.of("thing"), entries);
    ProposalFile.write(file, inMemory, ProposalFileTest::regions, "as drawn", 2);
    try (ProposalFile read = ProposalFile.read(file)) {
      read.requireFor(inMemory);
      assertEquals(regions(inMemory.get(1), null), read.proposals(inMemory.get(1)));
    }
  }

  @Test
  void anImageThatIsGoneIsNamed() throws IOException {
    write();
    Path gone = data.get(2).path();
    Files.delete(gone);
    try (ProposalFile read = ProposalFile.read(file)) {
      refused("there is no such file", gone.toString(), () -> read.requireFor(data));
    }
  }

  @Test
  void filesOfOthersBesideItAreKept() throws IOException {
    Path theirs = Files.writeString(folder.resolve("theirs"), "theirs");
    Path beside = Files.createSymbolicLink(folder.resolve("regions.bin.tmp"), theirs);
    Files.createSymbolicLink(file, theirs);
    write();
    assertEquals("theirs", Files.readString(theirs));
    assertTrue(Files.isSymbolicLink(beside));
    assertFalse(Files.isSymbolicLink(file));
  }

  @Test
  void manyReadersSeeTheSame() {
    write();
    try (ProposalFile read = ProposalFile.read(file)) {
      IntStream.range(0, 400)
          .parallel()
          .forEach(
              i -> {
                AnnotatedImage image = data.get(i % 5);
                assertEquals(regions(image, null), read.proposals(image));
              });
      Thread.currentThread().interrupt();
      assertEquals(300, read.proposals(data.get(3)).size());
      assertTrue(Thread.interrupted());
      assertEquals(100, read.proposals(data.get(1)).size());
    }
  }

  @Test
  void threadsDoNotChangeTheFile() throws IOException {
    write();
    byte[] two = Files.readAllBytes(file);
    ProposalFile.write(file, data, ProposalFileTest::regions, "as drawn", 1);
    assertArrayEquals(two, Files.readAllBytes(file));
  }

  @Test
  void fractionsAreMovedOutwards() {
    ProposalFile.write(
        file, data, (annotated, image) -> List.of(new Box(1.5f, 0, 69.2f, 0.25f)), "", 1);
    try (ProposalFile read = ProposalFile.read(file)) {
      assertEquals(List.of(new Box(1, 0, 70, 1)), read.proposals(data.get(0)));
    }
  }

  @Test
  void anotherDataSetIsRefused() throws IOException {
    write();
    AnnotatedImage foreign = annotated("other.png", 9, WIDTH, HEIGHT);
    AnnotatedImage first = data.get(0);
    AnnotatedImage wider =
        new AnnotatedImage(0, first.fileName(), first.path(), WIDTH + 1, HEIGHT, List.of());
    try (ProposalFile read = ProposalFile.read(file)) {
      read.requireFor(new ListedImages(data.images().subList(2, 4)));
      refused("another data set", "other.png", () -> read.requireFor(data.with(foreign)));
      refused("another data set", "other.png", () -> read.proposals(foreign));
      refused("70 x 50", "71 x 50", () -> read.requireFor(new ListedImages(List.of(wider))));
      refused("70 x 50", "71 x 50", () -> read.proposals(wider));
      annotated("p3.png", 77, WIDTH, HEIGHT); // the same name and size, another image
      refused("another data set", "p3.png", () -> read.requireFor(data));
      Files.delete(data.get(0).path());
      refused("p0.png", "no such file", () -> read.requireFor(data));
    }
  }

  @Test
  void everyByteCounts() throws IOException {
    data = new ListedImages(data.images().subList(0, 2));
    ProposalFile.write(
        file, data, (image, p) -> regions(data.get(1), p).subList(0, 9), "as drawn", 1);
    byte[] whole = Files.readAllBytes(file);
    String digest;
    try (ProposalFile read = ProposalFile.read(file)) {
      digest = read.digest();
    }
    for (int at = 0; at < whole.length; at++) {
      byte[] changed = whole.clone();
      changed[at] ^= 4;
      Files.write(file, changed);
      DataException problem = assertThrows(DataException.class, () -> ProposalFile.read(file));
      assertTrue(problem.getMessage().contains(file.toString()), problem.getMessage());
    }
    for (int size = 0; size < whole.length; size++) {
      Files.write(file, Arrays.copyOf(whole, size));
      assertThrows(DataException.class, () -> ProposalFile.read(file), "cut to " + size);
    }
    Files.write(file, Arrays.copyOf(whole, whole.length - 1));
    refused("truncated", "cocoli proposals", () -> ProposalFile.read(file));
    Files.write(file, Arrays.copyOf(whole, whole.length + 1));
    assertThrows(DataException.class, () -> ProposalFile.read(file));
    ProposalFile.write(file, data, (annotated, image) -> List.of(), "as drawn", 1);
    try (ProposalFile read = ProposalFile.read(file)) {
      assertNotEquals(digest, read.digest());
    }
  }

  @Test
  void otherFilesAndVersionsAreRefused() throws IOException {
    refused("no such file", file.toString(), () -> ProposalFile.read(file));
    refused("cannot be read", folder.toString(), () -> ProposalFile.read(folder));
    Files.writeString(file, "{\"proposals\": []}");
    refused("is no proposals file", file.toString(), () -> ProposalFile.read(file));
    write();
    byte[] bytes = Files.readAllBytes(file);
    ByteBuffer.wrap(bytes).putInt(8, 2);
    Files.write(file, bytes);
    refused("version 2", "version 1", () -> ProposalFile.read(file));
  }

  @Test
  void regionsOutsideOrOfNoSizeAreNotWritten() throws IOException {
    write();
    byte[] before = Files.readAllBytes(file);
    for (Box box :
        List.of(
            new Box(-1, 0, 5, 5),
            new Box(0, 0, WIDTH + 1, 5),
            new Box(0, 0, 5, HEIGHT + 0.5f),
            new Box(0, Float.NaN, 5, 5))) {
      ProposalSource source = (annotated, image) -> List.of(new Box(0, 0, 1, 1), box);
      refused("p0.png: region 2", "", () -> ProposalFile.write(file, data, source, "as drawn", 1));
    }
    for (Box box : List.of(new Box(5, 5, 5, 9), new Box(5, 9, 6, 5))) {
      refused(
          "p0.png: region 1",
          "of no size",
          () -> ProposalFile.write(file, data, (annotated, image) -> List.of(box), "", 1));
    }
    assertArrayEquals(before, Files.readAllBytes(file)); // the old file is unchanged
  }

  /**
   * A file with correct checksums but wrong regions, as a program other than ours might write it.
   */
  @Test
  void regionsOutsideOrOfNoSizeAreNotRead() throws IOException {
    AnnotatedImage first = data.get(0);
    AnnotatedImage larger =
        new AnnotatedImage(0, first.fileName(), first.path(), WIDTH + 5, HEIGHT, List.of());
    byte[] packed = RegionCodec.pack(List.of(new Box(0, 0, WIDTH + 1, 5)), "", WIDTH + 5, HEIGHT);
    try (ProposalWriter writer = new ProposalWriter(file, "")) {
      writer.add(larger, List.of(new Box(0, 0, WIDTH + 1, 5)));
      writer.finish();
    }
    claim(new Entry("p0.png", WIDTH, HEIGHT, 1, 20, packed.length, 1, sum(packed)), packed);
    refused("p0.png: region 1", "outside the image of 70 x 50", () -> ProposalFile.read(file));
    claim(new Entry("p0.png", WIDTH + 1, HEIGHT, 1, 20, packed.length, 1, sum(packed)), packed);
    ProposalFile.read(file).close();
    claim(new Entry("p0.png", WIDTH + 1, HEIGHT, 1, 20, packed.length, 2, sum(packed)), packed);
    refused("damaged at p0.png", "fewer", () -> ProposalFile.read(file));
    claim(new Entry("p0.png", WIDTH + 1, HEIGHT, 1, 20, packed.length, 0, sum(packed)), packed);
    refused("damaged at p0.png", "more", () -> ProposalFile.read(file));
    claim(new Entry("p0.png", WIDTH + 1, HEIGHT, 1, 20, packed.length, -1, sum(packed)), packed);
    refused("damaged", "", () -> ProposalFile.read(file));
    claim(new Entry("p0.png", WIDTH + 1, HEIGHT, 1, 20, 1 << 30, 1, sum(packed)), packed);
    refused("damaged", "", () -> ProposalFile.read(file));
  }

  /**
   * A file of 2 kB with 134,217,727 regions; memory is not taken before it is known to be false.
   */
  @Test
  void claimsTakeNoMemory() throws IOException {
    try (InputStream in =
        getClass().getResourceAsStream("/proposals/claims_134_million_regions.bin")) {
      Files.write(file, in.readAllBytes());
    }
    ProposalWriter.checkSum(new byte[1]); // loads the classes
    long before = allocated();
    refused("damaged", "fewer regions than announced", () -> ProposalFile.read(file));
    assertTrue(allocated() - before < 10_000_000, "allocated " + (allocated() - before));
  }

  private static long allocated() {
    var threads =
        (com.sun.management.ThreadMXBean) java.lang.management.ManagementFactory.getThreadMXBean();
    return threads.getTotalThreadAllocatedBytes();
  }

  private static int sum(byte[] bytes) {
    return ProposalWriter.checkSum(bytes);
  }

  /** Writes a file of one image with the given index entry. */
  private void claim(Entry entry, byte[] packed) throws IOException {
    byte[] index = ProposalIndex.toBytes(List.of(entry));
    ByteBuffer bytes = ByteBuffer.allocate(20 + packed.length + index.length + 28);
    bytes.put(ProposalWriter.MAGIC).putInt(ProposalWriter.VERSION).putInt(0);
    bytes.putInt(sum(Arrays.copyOf(bytes.array(), 16)));
    bytes.put(packed).put(index);
    bytes.putLong(20 + packed.length).putLong(index.length).putInt(sum(index));
    bytes.put(ProposalWriter.MAGIC);
    Files.write(file, bytes.array());
  }

  @Test
  void brokenImagesHaveNoRegionsAndAreTold() throws IOException {
    Files.write(data.get(2).path(), new byte[] {1, 2, 3});
    List<String> told = new ArrayList<>();
    ProposalFile.write(
        file,
        data,
        ProposalFileTest::regions,
        "",
        2,
        new ProposalListener() {
          @Override
          public void done(AnnotatedImage image, List<Box> regions) {
            told.add(image.fileName() + " " + regions.size());
          }

          @Override
          public void broken(
              AnnotatedImage image, dev.cocoli.data.image.ImageDecodeException problem) {
            told.add(problem.getMessage());
          }
        });
    assertEquals("p1.png 100", told.get(1));
    assertTrue(told.get(2).contains("p2.png"), told.toString());
    assertEquals("p4.png 400", told.get(4));
    try (ProposalFile read = ProposalFile.read(file)) {
      read.requireFor(data);
      assertEquals(List.of(), read.proposals(data.get(2)));
    }
  }

  @Test
  void namesMustDiffer() {
    ListedImages twice = data.with(data.get(1));
    refused(
        "p1.png",
        "two images",
        () -> ProposalFile.write(file, twice, ProposalFileTest::regions, "", 1));
    assertFalse(Files.exists(file));
  }

  @Test
  void aFailureAndAnInterruptLeaveNothing() throws IOException {
    ProposalSource failing =
        (annotated, image) -> {
          throw new IllegalStateException("as meant");
        };
    assertThrows(IllegalStateException.class, () -> ProposalFile.write(file, data, failing, "", 2));
    Thread.currentThread().interrupt();
    assertThrows(CancellationException.class, this::write);
    assertTrue(Thread.interrupted());
    try (Stream<Path> files = Files.list(folder)) {
      assertEquals(List.of("images"), files.map(f -> f.getFileName().toString()).toList());
    }
    refused(
        "cannot be written",
        "no such folder",
        () -> ProposalFile.write(folder.resolve("no/x"), data, failing, "", 1));
  }

  @Test
  void aDataSetWithoutImagesIsAFileWithout() {
    ProposalFile.write(file, new ListedImages(List.of()), ProposalFileTest::regions, "none", 1);
    ProposalFile read = ProposalFile.read(file);
    assertEquals(0, read.size());
    assertEquals("none", read.settings());
    read.close();
    read.close();
  }

  private static void refused(String part, String other, Runnable action) {
    DataException problem = assertThrows(DataException.class, action::run);
    assertTrue(problem.getMessage().contains(part), problem.getMessage());
    assertTrue(problem.getMessage().contains(other), problem.getMessage());
  }
}

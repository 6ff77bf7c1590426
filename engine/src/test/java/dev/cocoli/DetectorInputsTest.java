package dev.cocoli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cocoli.data.image.Image;
import dev.cocoli.data.image.ImageDecodeException;
import dev.cocoli.structures.Box;
import dev.cocoli.structures.Detection;
import dev.cocoli.testing.TinyDetectors;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Weights and images from files, zips, bytes and streams; thresholds; what is reported. */
class DetectorInputsTest {
  @TempDir private Path folder;

  private Path weights;
  private Path photo;
  private BufferedImage buffered;

  @BeforeEach
  void write() throws IOException {
    weights = TinyDetectors.write(TinyDetectors.SPEC, folder.resolve("w.safetensors"));
    photo = folder.resolve("photo.png");
    try (Image image = TinyDetectors.noise(60, 90, 3)) {
      buffered = image.toBufferedImage();
    }
    ImageIO.write(buffered, "png", photo.toFile());
  }

  @Test
  void imagesComeFromFilesZipsBytesAndStreams() throws IOException {
    byte[] bytes = Files.readAllBytes(photo);
    try (Detector detector = Detector.open(weights).withScoreThreshold(0);
        FileSystem zip = zip(photo)) {
      List<Detection> found = detector.detect(photo);
      assertFalse(found.isEmpty());
      assertEquals(found, detector.detect(zip.getPath("/photo.png")));
      assertEquals(found, detector.detect(bytes));
      assertEquals(found, detector.detect(new ByteArrayInputStream(bytes)));
      assertEquals(found, detector.detect(buffered));

      byte[] half = java.util.Arrays.copyOf(bytes, bytes.length / 2);
      assertMessage("the image: the PNG is truncated", () -> detector.detect(half));
      assertMessage(
          "/none.png: there is no such file", () -> detector.detect(zip.getPath("/none.png")));
      InputStream broken =
          new InputStream() {
            @Override
            public int read() throws IOException {
              throw new IOException("connection reset");
            }
          };
      assertMessage("the image: cannot be read (connection reset)", () -> detector.detect(broken));
    }
  }

  private static void assertMessage(String begin, org.junit.jupiter.api.function.Executable call) {
    ImageDecodeException e = assertThrows(ImageDecodeException.class, call);
    assertTrue(e.getMessage().startsWith(begin), e.getMessage());
  }

  @Test
  void weightsComeFromZipsBytesAndStreams() throws Exception {
    Set<Path> before = copies();
    byte[] bytes = Files.readAllBytes(weights);
    List<Detection> found;
    try (Detector detector = Detector.open(weights)) {
      found = detector.withScoreThreshold(0).detect(photo);
    }
    try (Detector detector = Detector.open(bytes).withScoreThreshold(0)) {
      assertEquals(found, detector.detect(photo));
    }
    try (Detector detector = Detector.open(new ByteArrayInputStream(bytes)).withScoreThreshold(0)) {
      assertEquals(found, detector.detect(photo));
    }
    try (FileSystem zip = zip(weights)) {
      try (Detector detector = Detector.open(zip.getPath("/w.safetensors"))) {
        assertEquals(found, detector.withScoreThreshold(0).detect(photo));
      }
      IOException e = assertThrows(IOException.class, () -> Detector.open(zip.getPath("/none")));
      assertTrue(e.getMessage().contains("/none: no such file"), e.getMessage());
    }
    bytes[bytes.length - 5] ^= 1;
    IOException damaged = assertThrows(IOException.class, () -> Detector.open(bytes));
    assertTrue(damaged.getMessage().startsWith("the weights: its arrays"), damaged.getMessage());
    IOException none = assertThrows(IOException.class, () -> Detector.open(new byte[3]));
    assertTrue(none.getMessage().startsWith("the weights is "), none.getMessage());
    Set<Path> left = copies();
    left.removeAll(before);
    for (int tries = 0; tries < 1000 && left.stream().anyMatch(Files::exists); tries++) {
      Thread.sleep(50); // another process may have copies of its own, for as long as it reads them
    }
    assertFalse(left.stream().anyMatch(Files::exists), left::toString);
  }

  /** The temporary copies of files that are read, of all processes. */
  private static Set<Path> copies() throws IOException {
    try (Stream<Path> files = Files.list(Path.of(System.getProperty("java.io.tmpdir")))) {
      return files
          .filter(file -> file.getFileName().toString().matches("cocoli-\\d+\\.tmp"))
          .collect(Collectors.toCollection(HashSet::new));
    }
  }

  private FileSystem zip(Path file) throws IOException {
    FileSystem zip = FileSystems.newFileSystem(folder.resolve("z.zip"), Map.of("create", "true"));
    Files.copy(file, zip.getPath("/" + file.getFileName()));
    return zip;
  }

  @Test
  void aThresholdIsOfTheViewAndAForeignLabelAClearError() throws IOException {
    try (Detector detector = Detector.open(weights)) {
      List<Detection> all = detector.withScoreThreshold(0).detect(photo);
      float middle = all.get(all.size() / 2).score();
      List<Detection> better = all.stream().filter(one -> one.score() > middle).toList();
      assertEquals(better, detector.withScoreThreshold(middle).detect(photo));
      assertEquals(0.5f, detector.scoreThreshold());
      assertEquals(all.stream().filter(one -> one.score() > 0.5f).toList(), detector.detect(photo));
      assertThrows(IllegalArgumentException.class, () -> detector.withScoreThreshold(1.5f));
      assertEquals("b", detector.className(new Detection(new Box(0, 0, 1, 1), 2, 1)));
      for (int label : new int[] {0, 3}) {
        Detection foreign = new Detection(new Box(0, 0, 1, 1), label, 1);
        IllegalArgumentException e =
            assertThrows(IllegalArgumentException.class, () -> detector.className(foreign));
        assertEquals(
            "label " + label + " is none of this detector's, which are 1 to 2", e.getMessage());
      }
      detector.withScoreThreshold(0.1f).close();
      assertThrows(IllegalStateException.class, () -> detector.detect(photo));
    }
  }

  @Test
  void detectionsHaveTheirClassNameAndAreJsonByOneCall() throws IOException {
    try (Detector detector = Detector.open(weights).withScoreThreshold(0)) {
      List<Detection> found = detector.detect(photo);
      for (Detection one : found) {
        assertEquals(detector.className(one), one.className());
      }
      JsonNode json = new ObjectMapper().readTree(Detection.toJson(found));
      assertEquals(found.size(), json.size());
      Detection first = found.getFirst();
      assertEquals(first.label(), json.get(0).get("category_id").asInt());
      assertEquals(first.className(), json.get(0).get("category").asText());
      assertEquals(first.score(), json.get(0).get("score").floatValue());
      assertEquals(first.box().width(), json.get(0).get("bbox").get(2).floatValue());
    }
    assertEquals("[]", Detection.toJson(List.of()));
  }

  @Test
  @Tag("slow")
  void aDetectorThatWasNeverClosedIsReportedOnce() throws Exception {
    List<LogRecord> records = new CopyOnWriteArrayList<>();
    Logger logger = Logger.getLogger("dev.cocoli.Detector");
    Handler handler = handler(records);
    logger.addHandler(handler);
    logger.setUseParentHandlers(false);
    try {
      openAndClose();
      openAndForget();
      for (int i = 0; i < 100 && records.isEmpty(); i++) {
        System.gc();
        Thread.sleep(20);
      }
      System.gc();
      Thread.sleep(50);
      assertEquals(1, records.size());
      assertTrue(
          records.getFirst().getMessage().contains("(fasterrcnn_tiny_fpn) was never closed"));
      assertTrue(
          Stream.of(records.getFirst().getThrown().getStackTrace())
              .anyMatch(frame -> frame.getMethodName().equals("openAndForget")));
    } finally {
      logger.removeHandler(handler);
      logger.setUseParentHandlers(true);
    }
  }

  private void openAndClose() throws IOException {
    Detector.open(weights).close();
  }

  private void openAndForget() throws IOException {
    Detector.open(weights).withScoreThreshold(0.3f).detect(photo);
  }

  private static Handler handler(List<LogRecord> records) {
    return new Handler() {
      @Override
      public void publish(LogRecord record) {
        if (record.getThrown() != null // and not one that another test forgot
            && Stream.of(record.getThrown().getStackTrace())
                .anyMatch(
                    frame -> frame.getClassName().equals(DetectorInputsTest.class.getName()))) {
          records.add(record);
        }
      }

      @Override
      public void flush() {}

      @Override
      public void close() {}
    };
  }

  @Test
  void nothingIsPrinted() throws IOException {
    PrintStream out = System.out;
    PrintStream err = System.err;
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    try (PrintStream captured = new PrintStream(printed, true, StandardCharsets.UTF_8)) {
      System.setOut(captured);
      System.setErr(captured);
      try (Detector detector = Detector.open(weights, DetectorOptions.DEFAULT.withConcurrency(2))) {
        detector.detect(photo);
        assertThrows(ImageDecodeException.class, () -> detector.detect(new byte[] {1, 2}));
      }
      assertThrows(IOException.class, () -> Detector.open(photo));
    } finally {
      System.setOut(out);
      System.setErr(err);
    }
    assertEquals("", printed.toString(StandardCharsets.UTF_8));
  }
}

package dev.cocoli.data.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeout;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.data.TestImages;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Damage is found after a harmless warning, and the number of scans is limited. */
class JpegScansTest {
  private final ImageDecoder decoder = new ImageDecoder();

  private static byte[] resource(String name) throws IOException {
    try (InputStream in = JpegScansTest.class.getResourceAsStream("/data/" + name)) {
      return in.readAllBytes();
    }
  }

  private byte[] decode(byte[] file) {
    try (Image image = decoder.decode(file, "the/file.jpg")) {
      return TestImages.bytes(image);
    }
  }

  private String failure(byte[] file) {
    String message = assertThrows(ImageDecodeException.class, () -> decode(file)).getMessage();
    assertTrue(message.startsWith("the/file.jpg: "), message);
    return message;
  }

  /** Made of photographs; Pillow refuses the first, and takes the others for whole. */
  @ParameterizedTest
  @ValueSource(strings = {"stray_cut.jpg", "stray_cut_progressive.jpg", "stray_noise.jpg"})
  void damageAfterStrayBytesIsFound(String name) throws IOException {
    String message = failure(resource(name));
    assertTrue(message.contains("the JPEG is truncated or broken"), message);
  }

  /** Inserts three bytes before the first marker that follows samples. */
  private static byte[] withStrayBytes(byte[] jpeg) {
    int at = 2;
    while (jpeg[at + 1] != (byte) 0xDA) {
      at += 2 + ((jpeg[at + 2] & 0xFF) << 8 | jpeg[at + 3] & 0xFF);
    }
    at += 2 + ((jpeg[at + 2] & 0xFF) << 8 | jpeg[at + 3] & 0xFF);
    while (jpeg[at] != -1 || jpeg[at + 1] == 0) {
      at++;
    }
    return ByteBuffer.allocate(jpeg.length + 3)
        .put(jpeg, 0, at)
        .put(new byte[] {1, 2, 3})
        .put(jpeg, at, jpeg.length - at)
        .array();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"baseline420.jpg", "restarts.jpg", "progressive.jpg", "cmyk_progressive.jpg"})
  void everyTruncationAfterStrayBytesIsFound(String name) throws IOException {
    byte[] whole = decode(resource(name));
    byte[] stray = withStrayBytes(resource(name));
    assertArrayEquals(whole, decode(stray), "stray bytes alone are harmless");
    for (int size = 0; size < stray.length; size++) {
      byte[] cut = Arrays.copyOf(stray, size);
      try {
        assertArrayEquals(whole, decode(cut), name + " cut at " + size + " went unnoticed");
      } catch (ImageDecodeException e) {
        // as it should be
      }
    }
  }

  /** The check fails only with its own exception, whatever the bytes. */
  @ParameterizedTest
  @ValueSource(strings = {"restarts.jpg", "progressive.jpg", "cmyk_progressive.jpg", "ycck.jpg"})
  void wholeFilesPassAndBrokenOnesAreRefused(String name) throws IOException {
    byte[] file = resource(name);
    JpegScans.requireComplete(file, name);
    Random random = new Random(1);
    for (int i = 0; i < 2000; i++) {
      byte[] broken = file.clone();
      for (int change = random.nextInt(4); change >= 0; change--) {
        broken[random.nextInt(broken.length)] = (byte) random.nextInt(256);
      }
      try {
        JpegScans.requireComplete(broken, name);
      } catch (ImageDecodeException e) {
        assertTrue(e.getMessage().contains("the JPEG is truncated or broken"), e.getMessage());
      }
    }
  }

  @Test
  void aDeviceIsNotReadWithoutEnd(@TempDir Path folder) throws IOException {
    Path link = Files.createSymbolicLink(folder.resolve("a.jpg"), Path.of("/dev/zero"));
    String message =
        assertThrows(ImageDecodeException.class, () -> decoder.decode(link)).getMessage();
    Files.delete(link); // JUnit warns about links that lead elsewhere
    assertEquals(link + ": is no regular file", message);
  }

  @Test
  void scansAreLimited() throws IOException {
    byte[] file = resource("progressive_500_scans.jpg");
    assertTimeout(
        Duration.ofSeconds(60),
        () -> {
          String message = failure(file);
          assertTrue(message.contains("more than 100 scans"), message);
        });
  }
}

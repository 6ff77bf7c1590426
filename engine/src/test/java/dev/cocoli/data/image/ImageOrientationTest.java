package dev.cocoli.data.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.data.TestImages;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Images are turned as their metadata say. */
public class ImageOrientationTest {
  private static final int SIGNATURE_AND_IHDR = 8 + 12 + 13;

  @TempDir Path folder;

  private final ImageDecoder decoder = new ImageDecoder();

  private static byte[] exif(int orientation, boolean little) {
    ByteBuffer tiff =
        ByteBuffer.allocate(26).order(little ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN);
    tiff.put((little ? "II" : "MM").getBytes(StandardCharsets.US_ASCII));
    tiff.putShort((short) 42).putInt(8).putShort((short) 1);
    tiff.putShort((short) 0x0112).putShort((short) 3).putInt(1).putShort((short) orientation);
    return tiff.array();
  }

  private static byte[] jpegWithExif(byte[] jpeg, byte[] tiff) {
    ByteBuffer out = ByteBuffer.allocate(jpeg.length + tiff.length + 10);
    out.put(jpeg, 0, 2).put((byte) 0xFF).put((byte) 0xE1).putShort((short) (tiff.length + 8));
    out.put("Exif\0\0".getBytes(StandardCharsets.US_ASCII)).put(tiff);
    return out.put(jpeg, 2, jpeg.length - 2).array();
  }

  /** A JPEG of the stored size with an orientation. */
  public static byte[] turnedJpeg(int width, int height, int orientation) {
    return jpegWithExif(TestImages.jpeg(width, height), exif(orientation, false));
  }

  /**
   * The positions at which the stored upper left, upper right, lower left and lower right corners
   * are shown.
   */
  private static final List<String> CORNERS =
      List.of("ABCD", "BADC", "DCBA", "CDAB", "ACBD", "CADB", "DBCA", "BDAC");

  private static BufferedImage quarters() {
    BufferedImage image = new BufferedImage(48, 32, BufferedImage.TYPE_INT_RGB);
    int[] grey = {0x000000, 0x555555, 0xAAAAAA, 0xFFFFFF};
    for (int y = 0; y < 32; y++) {
      for (int x = 0; x < 48; x++) {
        image.setRGB(x, y, grey[(y / 16) * 2 + x / 24]);
      }
    }
    return image;
  }

  private static String corners(Image image) {
    int right = image.width() - 1;
    int bottom = image.height() - 1;
    int[][] places = {{0, 0}, {right, 0}, {0, bottom}, {right, bottom}};
    StringBuilder seen = new StringBuilder();
    for (int[] place : places) {
      seen.append("ABCD".charAt((TestImages.sample(image, place[0], place[1], 0) + 42) / 85));
    }
    return seen.toString();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7, 8})
  void turnsUpright(int orientation) {
    byte[] jpeg = TestImages.encoded(quarters(), "jpeg");
    byte[] png = TestImages.encoded(quarters(), "png");
    byte[] chunk = ImageDecoderTest.chunk("eXIf", exif(orientation, false));
    List<byte[]> files =
        List.of(
            jpegWithExif(jpeg, exif(orientation, false)),
            jpegWithExif(jpeg, exif(orientation, true)),
            ImageDecoderTest.insert(png, SIGNATURE_AND_IHDR, chunk),
            ImageDecoderTest.insert(png, png.length - 12, chunk));
    for (byte[] file : files) {
      try (Image image = decoder.decode(file, "turned")) {
        assertEquals(CORNERS.get(orientation - 1), corners(image));
        assertEquals(orientation < 5 ? 48 : 32, image.width());
        assertEquals(orientation < 5 ? 32 : 48, image.height());
      }
    }
  }

  @Test
  void staysAsStoredWhereTheBoxesAre() throws IOException {
    byte[] jpeg = TestImages.encoded(quarters(), "jpeg");
    Path file = Files.write(folder.resolve("a.jpg"), jpegWithExif(jpeg, exif(6, false)));
    try (Image stored = decoder.decode(image(file, 48, 32));
        Image shown = decoder.decode(image(file, 32, 48))) {
      assertEquals("ABCD", corners(stored));
      assertEquals("CADB", corners(shown));
    }
    String message =
        assertThrows(ImageDecodeException.class, () -> decoder.decode(image(file, 32, 32)))
            .getMessage();
    assertTrue(message.contains("32 x 48") && message.contains("32 x 32"), message);
  }

  private static AnnotatedImage image(Path file, int width, int height) {
    return new AnnotatedImage(0, file.getFileName().toString(), file, width, height, List.of());
  }

  @Test
  void takesBrokenExifAsUpright() {
    byte[] jpeg = TestImages.encoded(quarters(), "jpeg");
    byte[] endless = exif(6, false);
    ByteBuffer.wrap(endless).putInt(4, Integer.MAX_VALUE);
    for (byte[] tiff : List.of(endless, exif(9, false), exif(0, true), new byte[3])) {
      try (Image image = decoder.decode(jpegWithExif(jpeg, tiff), "exif")) {
        assertEquals("ABCD", corners(image));
      }
    }
  }
}

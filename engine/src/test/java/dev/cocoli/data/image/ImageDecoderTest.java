package dev.cocoli.data.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.data.TestImages;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.IntStream;
import java.util.zip.CRC32;
import java.util.zip.Deflater;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ImageDecoderTest {

  private static final int SIGNATURE_AND_IHDR = 8 + 12 + 13;

  @TempDir Path folder;

  private final ImageDecoder decoder = new ImageDecoder();

  private static byte[] resource(String name) throws IOException {
    try (InputStream in = ImageDecoderTest.class.getResourceAsStream("/data/" + name)) {
      return in.readAllBytes();
    }
  }

  /** Compares decoded fixtures with PIL's result; see make_fixtures.py. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "baseline420.jpg",
        "baseline422.jpg",
        "baseline444.jpg",
        "progressive.jpg",
        "restarts.jpg",
        "grey.jpg",
        "rgb.jpg",
        "without_jfif.jpg",
        "profile_first.jpg",
        "cmyk_adobe.jpg",
        "cmyk_progressive.jpg",
        "cmyk_plain.jpg",
        "ycck.jpg",
        "grey.png",
        "black_and_white.png",
        "palette.png",
        "palette4.png",
        "rgba.png",
        "grey_alpha.png",
        "transparent_color.png",
        "interlaced.png",
        "rgb16.png",
        "grey16.png",
        "rgb.bmp",
        "palette.bmp",
        "palette.gif",
        "exif_after.png",
        "exif_text.png",
        "exif_deflated.png",
        "xmp.png",
        "xmp.jpg",
        "exif_long.jpg",
        "no_end.png",
        "half_end.png",
        "zeros_for_end.png",
        "wrong_checksum.png",
        "profile.png",
        "profile.jpg",
        "part.gif",
        "part_transparent.gif",
        "part_beyond.gif",
        "no_end.gif",
        "rgb.tif",
        "lzw.tif",
        "grey.tif",
        "cmyk.tif",
        "exif.tif"
      })
  void decodesAsPilDoes(String name) throws IOException {
    BufferedImage expected;
    try (InputStream in = getClass().getResourceAsStream("/data/" + name + ".expected.png")) {
      expected = ImageIO.read(in);
    }
    // libjpeg and libjpeg-turbo give the same bits as the JDKs tried; another build may round
    // differently
    int tolerance = name.endsWith(".jpg") ? 2 : 0;
    try (Image image = decoder.decode(resource(name), name)) {
      assertEquals(expected.getWidth(), image.width());
      assertEquals(expected.getHeight(), image.height());
      for (int y = 0; y < image.height(); y++) {
        for (int x = 0; x < image.width(); x++) {
          int color = expected.getRGB(x, y);
          for (int channel = 0; channel < 3; channel++) {
            int sample = color >> 16 - 8 * channel & 0xFF;
            assertEquals(
                sample,
                TestImages.sample(image, x, y, channel),
                tolerance,
                name + " at " + x + ", " + y + ", channel " + channel);
          }
        }
      }
    }
  }

  @Test
  void readsFiles() throws IOException {
    Path file = Files.write(folder.resolve("a.png"), TestImages.png(6, 4));
    try (Image image = decoder.decode(file)) {
      assertEquals(6, image.width());
      assertEquals(4, image.height());
    }
    ImageHeader header = ImageHeader.read(file);
    assertEquals(new ImageHeader(ImageHeader.Format.PNG, 6, 4, 1), header);
  }

  static byte[] chunk(String type, byte[] body) {
    CRC32 sum = new CRC32();
    sum.update(type.getBytes(StandardCharsets.US_ASCII));
    sum.update(body);
    ByteBuffer out = ByteBuffer.allocate(body.length + 12).putInt(body.length);
    out.put(type.getBytes(StandardCharsets.US_ASCII)).put(body);
    return out.putInt((int) sum.getValue()).array();
  }

  static byte[] insert(byte[] file, int at, byte[] inserted) {
    ByteBuffer out = ByteBuffer.allocate(file.length + inserted.length);
    return out.put(file, 0, at).put(inserted).put(file, at, file.length - at).array();
  }

  // ---- broken files

  private String failure(byte[] file) {
    String message =
        assertThrows(ImageDecodeException.class, () -> decoder.decode(file, "the/file.jpg").close())
            .getMessage();
    assertTrue(message.startsWith("the/file.jpg: "), message);
    assertTrue(message.indexOf('\n') < 0, message);
    return message;
  }

  /**
   * A file that is cut anywhere is an error, or the whole image if only its end marker or padding
   * is missing.
   */
  @ParameterizedTest
  @Tag("slow")
  @ValueSource(
      strings = {
        "baseline420.jpg", "progressive.jpg", "restarts.jpg", "grey.jpg", "ycck.jpg",
        "cmyk_progressive.jpg", "palette4.png", "interlaced.png", "rgb16.png", "rgb.bmp",
        "palette.bmp", "palette.gif", "part.gif", "rgb.tif", "lzw.tif"
      })
  void noticesEveryTruncation(String name) throws IOException {
    byte[] file = resource(name);
    byte[] whole;
    try (Image image = decoder.decode(file, name)) {
      whole = TestImages.bytes(image);
    }
    for (int size = 0; size < file.length; size++) {
      byte[] cut = Arrays.copyOf(file, size);
      try (Image image = decoder.decode(cut, name)) {
        assertArrayEquals(whole, TestImages.bytes(image), name + " cut at " + size);
        // a PNG ends with 12 bytes of a chunk, after two checksums and the code that ends the
        // pixels
        int needless = name.endsWith(".png") ? 12 + 4 + 4 + 2 : 3;
        assertTrue(file.length - size <= needless, name + " cut at " + size + " went unnoticed");
      } catch (ImageDecodeException e) {
        assertTrue(e.getMessage().startsWith(name + ": "), e.getMessage());
      }
    }
  }

  @Test
  void namesATruncatedPhotograph() {
    byte[] jpeg = TestImages.jpeg(320, 240);
    String message = failure(Arrays.copyOf(jpeg, jpeg.length / 2));
    assertTrue(message.contains("the JPEG is truncated or broken"), message);
  }

  @Test
  void takesAPhotographWithoutEndMarker() {
    byte[] jpeg = TestImages.jpeg(32, 24);
    decoder.decode(Arrays.copyOf(jpeg, jpeg.length - 2), "a").close();
  }

  @Test
  void takesWhatFollowsAPhotograph() {
    byte[] jpeg = TestImages.jpeg(32, 24);
    decoder.decode(Arrays.copyOf(jpeg, jpeg.length + 5000), "a").close();
  }

  @Test
  void noticesDamageInAPng() {
    byte[] png = TestImages.png(32, 24);
    png[png.length / 2] ^= 1;
    String message = failure(png);
    assertTrue(message.contains("checksum"), message);
  }

  @Test
  void noticesMissingPixelsInAPng() {
    byte[] rows = new byte[10 * 31];
    String message = failure(png(10, 20, rows, new byte[0]));
    assertTrue(message.contains("the PNG is truncated or broken"), message);
  }

  @Test
  void namesWhatIsNoImage() {
    assertFailure(new byte[0], "empty");
    assertFailure("<html>".getBytes(StandardCharsets.UTF_8), "is no JPEG");
    assertFailure(new byte[] {(byte) 0xFF, (byte) 0xD8, (byte) 0xFF}, "truncated");
    Path missing = folder.resolve("none.jpg");
    String message =
        assertThrows(ImageDecodeException.class, () -> decoder.decode(missing)).getMessage();
    assertEquals(missing + ": there is no such file", message);
  }

  @Test
  void namesKindsThatItCannotDecode() throws IOException {
    byte[] arithmetic = TestImages.jpeg(16, 16);
    int frame = indexOf(arithmetic, 0xFF, 0xC0);
    arithmetic[frame + 1] = (byte) 0xC9;
    assertFailure(arithmetic, "arithmetic coding");
    byte[] wide = TestImages.jpeg(16, 16);
    wide[frame + 4] = 12;
    assertFailure(wide, "12 bits");
    byte[] webp = "RIFF\1\0\0\0WEBPVP8 ".getBytes(StandardCharsets.ISO_8859_1);
    assertFailure(webp, "imageio-webp");
  }

  /** The JDK's reader would take 128 MB for a table of the values of 25 bits. */
  @Test
  void refusesATiffThatClaimsTooMuch() throws IOException {
    byte[] deep = resource("rgb.tif");
    ByteBuffer tags = ByteBuffer.wrap(deep).order(ByteOrder.LITTLE_ENDIAN);
    int bits = tags.getInt(8 + 2 + 2 * 12 + 8); // the third entry: 8, 8, 8
    assertEquals(8, tags.getShort(bits));
    tags.putShort(bits, (short) 25);
    assertFailure(deep, "up to 25 bits are not supported");
    byte[] many = resource("rgb.tif");
    int samples = 8 + 2 + 6 * 12;
    assertEquals(277, ByteBuffer.wrap(many).order(ByteOrder.LITTLE_ENDIAN).getShort(samples));
    ByteBuffer.wrap(many).order(ByteOrder.LITTLE_ENDIAN).putShort(samples + 8, (short) 3000);
    assertFailure(many, "3000 samples per pixel");
  }

  private void assertFailure(byte[] file, String words) {
    String message = failure(file);
    assertTrue(message.contains(words), message);
  }

  private static int indexOf(byte[] bytes, int first, int second) {
    return IntStream.range(0, bytes.length - 1)
        .filter(i -> bytes[i] == (byte) first && bytes[i + 1] == (byte) second)
        .findFirst()
        .orElseThrow();
  }

  // ---- bombs

  private static byte[] png(int width, int height, byte[] rows, byte[] more) {
    ByteBuffer header = ByteBuffer.allocate(13).putInt(width).putInt(height).put((byte) 8);
    header.put((byte) 2);
    Deflater deflater = new Deflater();
    deflater.setInput(rows);
    deflater.finish();
    ByteArrayOutputStream packed = new ByteArrayOutputStream();
    byte[] buffer = new byte[4096];
    while (!deflater.finished()) {
      packed.write(buffer, 0, deflater.deflate(buffer));
    }
    deflater.end();
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(new byte[] {(byte) 0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'});
    out.writeBytes(chunk("IHDR", header.array()));
    out.writeBytes(more);
    out.writeBytes(chunk("IDAT", packed.toByteArray()));
    out.writeBytes(chunk("IEND", new byte[0]));
    return out.toByteArray();
  }

  private static long heapByteSize(Runnable work) {
    var threads =
        (com.sun.management.ThreadMXBean) java.lang.management.ManagementFactory.getThreadMXBean();
    long before = threads.getCurrentThreadAllocatedBytes();
    work.run();
    return threads.getCurrentThreadAllocatedBytes() - before;
  }

  @Test
  void refusesAPngThatClaimsTooMuch() {
    byte[] bomb = png(100_000, 100_000, new byte[1000], new byte[0]);
    long native0 = Image.allocatedByteSize();
    failure(bomb); // loads the classes
    long allocated =
        heapByteSize(
            () -> {
              String message = failure(bomb);
              assertTrue(message.contains("100000 x 100000"), message);
              assertTrue(message.contains("limit of 178,956,970"), message);
            });
    assertTrue(allocated < 1_000_000, "allocated " + allocated + " bytes");
    assertEquals(native0, Image.allocatedByteSize());
  }

  @Test
  void refusesOtherFilesThatClaimTooMuch() {
    byte[] jpeg = TestImages.jpeg(16, 16);
    int frame = indexOf(jpeg, 0xFF, 0xC0);
    ByteBuffer.wrap(jpeg).putShort(frame + 5, (short) 65_000).putShort(frame + 7, (short) 65_000);
    assertFailure(jpeg, "65000 x 65000");
    byte[] bmp = TestImages.encoded(TestImages.gradient(4, 4, 0), "bmp");
    ByteBuffer.wrap(bmp).order(ByteOrder.LITTLE_ENDIAN).putInt(18, 20_000).putInt(22, 20_000);
    assertFailure(bmp, "Invalid width/height"); // the JDK notices by itself
    byte[] gif = TestImages.encoded(TestImages.gradient(4, 4, 0), "gif");
    int image = 13 + 3 * (2 << (gif[10] & 7));
    while (gif[image] != ',') { // extensions come before the image
      image += 2;
      while (gif[image] != 0) {
        image += 1 + (gif[image] & 0xFF);
      }
      image++;
    }
    ByteBuffer.wrap(gif).putInt(image + 5, -1);
    assertFailure(gif, "65535 x 65535");
    assertFailure(png(-1, 1, new byte[0], new byte[0]), "4294967295 x 1");
  }

  @Test
  void hasALimitToChoose() {
    byte[] png = TestImages.png(10, 10);
    new ImageDecoder(100).decode(png, "a").close();
    assertThrows(ImageDecodeException.class, () -> new ImageDecoder(99).decode(png, "a"));
    assertThrows(IllegalArgumentException.class, () -> new ImageDecoder(0));
  }

  /** A text chunk of 30 kB that inflates to 30 MB is never inflated, not even beside a palette. */
  @Test
  void ignoresABombInATextChunk() throws IOException {
    Deflater deflater = new Deflater();
    deflater.setInput(new byte[30 << 20]);
    deflater.finish();
    byte[] packed = new byte[200_000];
    int size = deflater.deflate(packed);
    deflater.end();
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    text.writeBytes("Comment\0\0".getBytes(StandardCharsets.US_ASCII));
    text.write(packed, 0, size);
    byte[] png = resource("palette.png");
    byte[] bomb = insert(png, SIGNATURE_AND_IHDR, chunk("zTXt", text.toByteArray()));
    long allocated = heapByteSize(() -> decoder.decode(bomb, "bomb").close());
    assertTrue(allocated < 10_000_000, "allocated " + allocated + " bytes");
  }

  @Test
  void decodesOnManyThreads() {
    byte[] jpeg = TestImages.jpeg(64, 48);
    byte[] expected;
    try (Image image = decoder.decode(jpeg, "a")) {
      expected = TestImages.bytes(image);
    }
    IntStream.range(0, 64)
        .parallel()
        .forEach(
            i -> {
              try (Image image = decoder.decode(jpeg, "a")) {
                assertArrayEquals(expected, TestImages.bytes(image));
              }
            });
  }
}

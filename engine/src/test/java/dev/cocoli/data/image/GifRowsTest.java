package dev.cocoli.data.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.data.TestImages;
import java.awt.image.BufferedImage;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class GifRowsTest {

  /** A block of zeros may still be pixels of the first colour; what is cut here is longer. */
  private static final int BLOCKS = 600;

  /** As a disk or a download leaves a file whose rest was never written. */
  @Test
  void aFileThatGoesOnInZerosIsRefused() {
    BufferedImage noise = new BufferedImage(64, 48, BufferedImage.TYPE_BYTE_GRAY);
    Random random = new Random(3);
    for (int i = 0; i < 64 * 48; i++) {
      noise.getRaster().setSample(i % 64, i / 64, 0, random.nextInt(256));
    }
    byte[] file = TestImages.encoded(noise, "gif");
    ImageDecoder decoder = new ImageDecoder();
    try (Image whole = decoder.decode(file, "noise.gif")) {
      assertEquals(48, whole.height());
    }
    assertTrue(file.length > 4 * BLOCKS, file.length + " bytes");
    for (int end = file.length / 2; end < file.length - BLOCKS; end += 7) {
      byte[] zeroed = Arrays.copyOf(Arrays.copyOf(file, end), file.length);
      String message =
          assertThrows(ImageDecodeException.class, () -> decoder.decode(zeroed, "noise.gif"))
              .getMessage();
      assertTrue(message.startsWith("noise.gif: the GIF is truncated"), message);
    }
  }
}

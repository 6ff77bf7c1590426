package dev.cocoli.data.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.data.TestImages;
import java.awt.image.BufferedImage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ImageTest {

  @Test
  void keepsItsBytes() {
    byte[] rgb = {1, 2, 3, 4, 5, 6};
    try (Image image = Image.of(1, 2, rgb)) {
      assertEquals(1, image.height());
      assertEquals(2, image.width());
      assertTrue(image.pixels().isNative());
      assertArrayEquals(rgb, TestImages.bytes(image));
    }
  }

  @Test
  void refusesBytesThatAreNoImage() {
    assertThrows(IllegalArgumentException.class, () -> Image.of(2, 2, new byte[11]));
    assertThrows(IllegalArgumentException.class, () -> Image.of(0, 2, new byte[0]));
  }

  @Test
  void refusesMorePixelsThanAnArrayHas() {
    int side = 1 << 15;
    BufferedImage huge = new BufferedImage(side, side, BufferedImage.TYPE_BYTE_BINARY); // 128 MB
    String message =
        assertThrows(IllegalArgumentException.class, () -> Image.of(huge)).getMessage();
    assertTrue(message.contains("32768 x 32768"), message);
  }

  @Test
  void freesItsMemoryOnce() {
    long before = Image.allocatedByteSize();
    Image image = Image.of(2, 2, new byte[12]);
    assertEquals(before + 12, Image.allocatedByteSize());
    image.close();
    image.close();
    assertEquals(before, Image.allocatedByteSize());
    String message = assertThrows(IllegalStateException.class, image::pixels).getMessage();
    assertTrue(message.contains("closed"), message);
  }

  @Test
  void flipsOddAndEvenWidths() {
    byte[] odd = {1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19};
    byte[] flipped = {7, 8, 9, 4, 5, 6, 1, 2, 3, 17, 18, 19, 14, 15, 16, 11, 12, 13};
    try (Image image = Image.of(2, 3, odd)) {
      image.flipHorizontal();
      assertArrayEquals(flipped, TestImages.bytes(image));
    }
    try (Image image = Image.of(1, 2, new byte[] {1, 2, 3, 4, 5, 6})) {
      image.flipHorizontal();
      assertArrayEquals(new byte[] {4, 5, 6, 1, 2, 3}, TestImages.bytes(image));
    }
  }

  @ParameterizedTest
  @ValueSource(
      ints = {
        BufferedImage.TYPE_INT_RGB,
        BufferedImage.TYPE_INT_ARGB,
        BufferedImage.TYPE_INT_ARGB_PRE,
        BufferedImage.TYPE_INT_BGR,
        BufferedImage.TYPE_3BYTE_BGR,
        BufferedImage.TYPE_4BYTE_ABGR,
        BufferedImage.TYPE_4BYTE_ABGR_PRE
      })
  void takesImagesOfEveryColorType(int type) {
    BufferedImage source = TestImages.gradient(7, 5, 200);
    BufferedImage buffered = new BufferedImage(7, 5, type);
    buffered.getGraphics().drawImage(source, 0, 0, null);
    try (Image expected = Image.of(source);
        Image image = Image.of(buffered)) {
      assertArrayEquals(TestImages.bytes(expected), TestImages.bytes(image));
      assertEquals(255 * 6 / 7, TestImages.sample(image, 6, 0, 0));
      assertEquals(255 * 4 / 5, TestImages.sample(image, 0, 4, 1));
      assertEquals(200, TestImages.sample(image, 0, 0, 2));
    }
  }

  @Test
  void dropsAlphaWithoutDarkening() {
    for (int type : new int[] {BufferedImage.TYPE_INT_ARGB, BufferedImage.TYPE_INT_ARGB_PRE}) {
      BufferedImage buffered = new BufferedImage(1, 1, type);
      buffered.setRGB(0, 0, 0x80FF0000);
      try (Image image = Image.of(buffered)) {
        assertArrayEquals(new byte[] {(byte) 255, 0, 0}, TestImages.bytes(image));
      }
    }
  }

  @Test
  void takesGreySamplesAsTheyAre() {
    BufferedImage buffered = new BufferedImage(2, 1, BufferedImage.TYPE_BYTE_GRAY);
    buffered.getRaster().setSample(1, 0, 0, 100); // getRGB would make 167 of it
    BufferedImage wide = new BufferedImage(2, 1, BufferedImage.TYPE_USHORT_GRAY);
    wide.getRaster().setSample(1, 0, 0, 100 << 8 | 99);
    for (BufferedImage grey : new BufferedImage[] {buffered, wide}) {
      try (Image image = Image.of(grey)) {
        assertArrayEquals(new byte[] {0, 0, 0, 100, 100, 100}, TestImages.bytes(image));
      }
    }
  }

  @Test
  void takesAPartOfAnImage() {
    BufferedImage source = TestImages.gradient(9, 8, 3);
    BufferedImage bytes = new BufferedImage(9, 8, BufferedImage.TYPE_3BYTE_BGR);
    bytes.getGraphics().drawImage(source, 0, 0, null);
    try (Image expected = Image.of(source.getSubimage(2, 3, 4, 5));
        Image image = Image.of(bytes.getSubimage(2, 3, 4, 5))) {
      assertEquals(255 * 2 / 9, TestImages.sample(expected, 0, 0, 0));
      assertEquals(255 * 3 / 8, TestImages.sample(expected, 0, 0, 1));
      assertArrayEquals(TestImages.bytes(expected), TestImages.bytes(image));
    }
  }

  @Test
  void becomesAnImageAgain() {
    BufferedImage source = TestImages.gradient(9, 8, 250);
    try (Image image = Image.of(source)) {
      BufferedImage buffered = image.toBufferedImage();
      for (int y = 0; y < 8; y++) {
        for (int x = 0; x < 9; x++) {
          assertEquals(source.getRGB(x, y), buffered.getRGB(x, y));
        }
      }
    }
  }
}

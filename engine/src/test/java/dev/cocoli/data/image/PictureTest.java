package dev.cocoli.data.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.data.TestPictures;
import java.awt.image.BufferedImage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PictureTest {

  @Test
  void keepsItsBytes() {
    byte[] rgb = {1, 2, 3, 4, 5, 6};
    try (Picture picture = Picture.of(1, 2, rgb)) {
      assertEquals(1, picture.height());
      assertEquals(2, picture.width());
      assertTrue(picture.pixels().isNative());
      assertArrayEquals(rgb, TestPictures.bytes(picture));
    }
  }

  @Test
  void refusesBytesThatAreNoPicture() {
    assertThrows(IllegalArgumentException.class, () -> Picture.of(2, 2, new byte[11]));
    assertThrows(IllegalArgumentException.class, () -> Picture.of(0, 2, new byte[0]));
  }

  @Test
  void freesItsMemoryOnce() {
    long before = Picture.allocatedByteSize();
    Picture picture = Picture.of(2, 2, new byte[12]);
    assertEquals(before + 12, Picture.allocatedByteSize());
    picture.close();
    picture.close();
    assertEquals(before, Picture.allocatedByteSize());
    String message = assertThrows(IllegalStateException.class, picture::pixels).getMessage();
    assertTrue(message.contains("closed"), message);
  }

  @Test
  void flipsOddAndEvenWidths() {
    byte[] odd = {1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19};
    byte[] flipped = {7, 8, 9, 4, 5, 6, 1, 2, 3, 17, 18, 19, 14, 15, 16, 11, 12, 13};
    try (Picture picture = Picture.of(2, 3, odd)) {
      picture.flipHorizontal();
      assertArrayEquals(flipped, TestPictures.bytes(picture));
    }
    try (Picture picture = Picture.of(1, 2, new byte[] {1, 2, 3, 4, 5, 6})) {
      picture.flipHorizontal();
      assertArrayEquals(new byte[] {4, 5, 6, 1, 2, 3}, TestPictures.bytes(picture));
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
    BufferedImage source = TestPictures.gradient(7, 5, 200);
    BufferedImage image = new BufferedImage(7, 5, type);
    image.getGraphics().drawImage(source, 0, 0, null);
    try (Picture expected = Picture.of(source);
        Picture picture = Picture.of(image)) {
      assertArrayEquals(TestPictures.bytes(expected), TestPictures.bytes(picture));
      assertEquals(255 * 6 / 7, TestPictures.sample(picture, 6, 0, 0));
      assertEquals(255 * 4 / 5, TestPictures.sample(picture, 0, 4, 1));
      assertEquals(200, TestPictures.sample(picture, 0, 0, 2));
    }
  }

  @Test
  void dropsAlphaWithoutDarkening() {
    for (int type : new int[] {BufferedImage.TYPE_INT_ARGB, BufferedImage.TYPE_INT_ARGB_PRE}) {
      BufferedImage image = new BufferedImage(1, 1, type);
      image.setRGB(0, 0, 0x80FF0000);
      try (Picture picture = Picture.of(image)) {
        assertArrayEquals(new byte[] {(byte) 255, 0, 0}, TestPictures.bytes(picture));
      }
    }
  }

  @Test
  void takesGreySamplesAsTheyAre() {
    BufferedImage image = new BufferedImage(2, 1, BufferedImage.TYPE_BYTE_GRAY);
    image.getRaster().setSample(1, 0, 0, 100); // getRGB would make 167 of it
    BufferedImage wide = new BufferedImage(2, 1, BufferedImage.TYPE_USHORT_GRAY);
    wide.getRaster().setSample(1, 0, 0, 100 << 8 | 99);
    for (BufferedImage grey : new BufferedImage[] {image, wide}) {
      try (Picture picture = Picture.of(grey)) {
        assertArrayEquals(new byte[] {0, 0, 0, 100, 100, 100}, TestPictures.bytes(picture));
      }
    }
  }

  @Test
  void takesAPartOfAnImage() {
    BufferedImage source = TestPictures.gradient(9, 8, 3);
    BufferedImage bytes = new BufferedImage(9, 8, BufferedImage.TYPE_3BYTE_BGR);
    bytes.getGraphics().drawImage(source, 0, 0, null);
    try (Picture expected = Picture.of(source.getSubimage(2, 3, 4, 5));
        Picture picture = Picture.of(bytes.getSubimage(2, 3, 4, 5))) {
      assertEquals(255 * 2 / 9, TestPictures.sample(expected, 0, 0, 0));
      assertEquals(255 * 3 / 8, TestPictures.sample(expected, 0, 0, 1));
      assertArrayEquals(TestPictures.bytes(expected), TestPictures.bytes(picture));
    }
  }

  @Test
  void becomesAnImageAgain() {
    BufferedImage source = TestPictures.gradient(9, 8, 250);
    try (Picture picture = Picture.of(source)) {
      BufferedImage image = picture.toBufferedImage();
      for (int y = 0; y < 8; y++) {
        for (int x = 0; x < 9; x++) {
          assertEquals(source.getRGB(x, y), image.getRGB(x, y));
        }
      }
    }
  }
}

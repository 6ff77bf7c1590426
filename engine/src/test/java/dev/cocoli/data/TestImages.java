package dev.cocoli.data;

import dev.cocoli.data.image.Image;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.ValueLayout;
import javax.imageio.ImageIO;

/** Small images to test with. */
public final class TestImages {

  private TestImages() {}

  /** Red grows to the right, green downwards; blue tells images apart. */
  public static BufferedImage gradient(int width, int height, int blue) {
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        image.setRGB(x, y, 255 * x / width << 16 | 255 * y / height << 8 | blue);
      }
    }
    return image;
  }

  public static byte[] encoded(BufferedImage image, String format) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try {
      if (!ImageIO.write(image, format, out)) {
        throw new AssertionError("no writer for " + format);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return out.toByteArray();
  }

  public static byte[] jpeg(int width, int height) {
    return encoded(gradient(width, height, 90), "jpeg");
  }

  public static byte[] png(int width, int height) {
    return encoded(gradient(width, height, 90), "png");
  }

  /** The image's bytes, [height, width, 3]. */
  public static byte[] bytes(Image image) {
    return image.pixels().toArray(ValueLayout.JAVA_BYTE);
  }

  /** The unsigned sample of a channel. */
  public static int sample(Image image, int x, int y, int channel) {
    long offset = 3L * (y * image.width() + x) + channel;
    return image.pixels().get(ValueLayout.JAVA_BYTE, offset) & 0xFF;
  }
}

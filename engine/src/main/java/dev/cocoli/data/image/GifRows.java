package dev.cocoli.data.image;

import java.awt.image.BufferedImage;
import java.io.IOException;
import javax.imageio.ImageReader;
import javax.imageio.event.IIOReadUpdateListener;

/**
 * Counts the rows of a GIF's frame that are decoded. The JDK's reader leaves the others black
 * without a warning if the frame's data end early, as in a file whose rest is zeros.
 */
final class GifRows implements IIOReadUpdateListener {
  private int rows;

  private GifRows() {}

  /** Decodes the first frame; throws if it has fewer rows than its header says. */
  static BufferedImage read(ImageReader reader, String name) throws IOException {
    GifRows decoded = new GifRows();
    reader.addIIOReadUpdateListener(decoded);
    int height = reader.getHeight(0);
    BufferedImage frame = reader.read(0);
    if (decoded.rows < height) {
      throw new ImageDecodeException(
          name, "the GIF is truncated or broken, it ends before its last pixel");
    }
    return frame;
  }

  @Override
  public void imageUpdate(
      ImageReader source,
      BufferedImage image,
      int minX,
      int minY,
      int width,
      int height,
      int periodX,
      int periodY,
      int[] bands) {
    rows += height;
  }

  @Override
  public void passStarted(
      ImageReader source,
      BufferedImage image,
      int pass,
      int minPass,
      int maxPass,
      int minX,
      int minY,
      int periodX,
      int periodY,
      int[] bands) {}

  @Override
  public void passComplete(ImageReader source, BufferedImage image) {}

  @Override
  public void thumbnailPassStarted(
      ImageReader source,
      BufferedImage thumbnail,
      int pass,
      int minPass,
      int maxPass,
      int minX,
      int minY,
      int periodX,
      int periodY,
      int[] bands) {}

  @Override
  public void thumbnailUpdate(
      ImageReader source,
      BufferedImage thumbnail,
      int minX,
      int minY,
      int width,
      int height,
      int periodX,
      int periodY,
      int[] bands) {}

  @Override
  public void thumbnailPassComplete(ImageReader source, BufferedImage thumbnail) {}
}

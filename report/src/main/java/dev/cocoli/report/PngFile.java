package dev.cocoli.report;

import dev.cocoli.files.OutputFile;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import javax.imageio.ImageIO;
import javax.imageio.stream.MemoryCacheImageOutputStream;

/** Writes an image as a PNG file. */
public final class PngFile {

  private PngFile() {}

  /**
   * Writes an image, replacing an existing file. The image is encoded before the file is opened, so
   * that a failure to encode leaves no file.
   *
   * @param image the image
   * @param file a file in an existing folder
   * @throws IOException if it cannot be written
   */
  public static void write(BufferedImage image, Path file) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (MemoryCacheImageOutputStream out = new MemoryCacheImageOutputStream(bytes)) {
      if (!ImageIO.write(image, "png", out)) {
        throw new IOException(file + ": the image's kind cannot be written as PNG");
      }
    }
    OutputFile.write(file, bytes.toByteArray());
  }
}

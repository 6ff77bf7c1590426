package dev.cocoli.data.image;

import java.io.BufferedInputStream;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Iterator;
import javax.imageio.IIOException;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.stream.ImageInputStream;
import javax.imageio.stream.MemoryCacheImageInputStream;

/**
 * The size, format and orientation of an image file, read without decoding its pixels.
 *
 * @param format the file format, from its first bytes
 * @param storedWidth columns as stored
 * @param storedHeight rows as stored
 * @param orientation EXIF orientation, 1 to 8
 */
public record ImageHeader(Format format, int storedWidth, int storedHeight, int orientation) {

  /** The kinds of image files. */
  public enum Format {
    /** Baseline or progressive. */
    JPEG,
    /** With or without transparency. */
    PNG,
    /** Windows bitmap. */
    BMP,
    /** Its first frame. */
    GIF,
    /** Its first page. */
    TIFF,
    /** Decoded if a plug-in of ImageIO for it is on the class path. */
    WEBP
  }

  /** {@return columns as shown, after the orientation, in pixels} */
  public int width() {
    return Orientation.swapsSides(orientation) ? storedHeight : storedWidth;
  }

  /** {@return rows as shown, after the orientation, in pixels} */
  public int height() {
    return Orientation.swapsSides(orientation) ? storedWidth : storedHeight;
  }

  long pixelCount() {
    return (long) storedWidth * storedHeight;
  }

  /**
   * Returns this header without its orientation if only that has the annotated size, otherwise this
   * header.
   *
   * @param annotatedWidth the width in the annotation
   * @param annotatedHeight the height in the annotation
   * @return the header to decode with
   */
  public ImageHeader asAnnotated(int annotatedWidth, int annotatedHeight) {
    boolean shown = width() == annotatedWidth && height() == annotatedHeight;
    boolean stored = storedWidth == annotatedWidth && storedHeight == annotatedHeight;
    return stored && !shown
        ? new ImageHeader(format, storedWidth, storedHeight, Orientation.UPRIGHT)
        : this;
  }

  /**
   * Reads the header of a file and little more than that.
   *
   * @param path the file
   * @return its header
   */
  public static ImageHeader read(Path path) {
    String name = path.toString();
    try (InputStream in = new BufferedInputStream(Files.newInputStream(path))) {
      return read(in, name);
    } catch (NoSuchFileException e) {
      throw new ImageDecodeException(name, "there is no such file", e);
    } catch (IOException e) {
      throw new ImageDecodeException(name, "cannot be read (" + e.getMessage() + ")", e);
    }
  }

  /**
   * Reads the header of a file whose bytes are in memory.
   *
   * @param file the bytes of the file
   * @param name the name of the file, for messages
   * @return the header
   */
  public static ImageHeader read(byte[] file, String name) {
    try {
      return read(new ByteArrayInputStream(file), name);
    } catch (IOException e) {
      throw new ImageDecodeException(name, "cannot be read (" + e.getMessage() + ")", e);
    }
  }

  private static ImageHeader read(InputStream in, String name) throws IOException {
    in.mark(16);
    byte[] start = in.readNBytes(12);
    in.reset();
    Format format = formatOf(start, name);
    return switch (format) {
      case PNG -> PngFile.header(in, name);
      case JPEG -> {
        JpegHeader header = JpegHeader.read(in, name);
        yield new ImageHeader(format, header.width(), header.height(), header.orientation());
      }
      case GIF -> {
        GifFrame frame = GifFrame.read(in, name);
        yield new ImageHeader(
            format, frame.canvasWidth(), frame.canvasHeight(), Orientation.UPRIGHT);
      }
      case BMP -> readOther(in, format, Orientation.UPRIGHT, name);
      case TIFF, WEBP -> {
        byte[] file = in.readAllBytes(); // the metadata may lie anywhere
        if (format == Format.TIFF) {
          TiffFile tiff = new TiffFile(file, 0);
          tiff.requireModest(name);
          tiff.requireKnown(name);
        }
        int orientation =
            format == Format.TIFF ? Orientation.ofTiff(file, 0) : WebpMetadata.orientation(file);
        yield readOther(
            new ByteArrayInputStream(file),
            format,
            orientation == Orientation.NONE ? Orientation.UPRIGHT : orientation,
            name);
      }
    };
  }

  private static Format formatOf(byte[] start, String name) {
    if (start.length == 0) {
      throw new ImageDecodeException(name, "the file is empty");
    }
    if (startsWith(start, 0, "\u00FF\u00D8\u00FF")) {
      return Format.JPEG;
    }
    if (startsWith(start, 0, "\u0089PNG\r\n")) {
      return Format.PNG;
    }
    if (startsWith(start, 0, "BM")) {
      return Format.BMP;
    }
    if (startsWith(start, 0, "GIF8")) {
      return Format.GIF;
    }
    if (startsWith(start, 0, "II*\0") || startsWith(start, 0, "MM\0*")) {
      return Format.TIFF;
    }
    if (startsWith(start, 0, "RIFF") && startsWith(start, 8, "WEBP")) {
      return Format.WEBP;
    }
    throw new ImageDecodeException(name, "is no JPEG, PNG, BMP, GIF, TIFF or WebP image");
  }

  /** Whether bytes have a text of Latin letters at a place. */
  static boolean startsWith(byte[] bytes, int at, String text) {
    byte[] expected = text.getBytes(StandardCharsets.ISO_8859_1);
    return bytes.length >= at + expected.length
        && Arrays.equals(bytes, at, at + expected.length, expected, 0, expected.length);
  }

  private static ImageHeader readOther(InputStream in, Format format, int orientation, String name)
      throws IOException {
    ImageReader reader = readerOf(format, name);
    try (ImageInputStream input = new MemoryCacheImageInputStream(in)) {
      reader.setInput(input, true, true);
      int width = reader.getWidth(0);
      int height = reader.getHeight(0);
      if (width <= 0 || height <= 0) {
        throw new ImageDecodeException(
            name, "the %s is broken, it claims a size of %d x %d".formatted(format, width, height));
      }
      return new ImageHeader(format, width, height, orientation);
    } catch (IOException | RuntimeException e) {
      if (e instanceof ImageDecodeException known) {
        throw known;
      }
      throw new ImageDecodeException(
          name, "the " + format + " is truncated or broken in its header (" + reason(e) + ")", e);
    } finally {
      reader.dispose();
    }
  }

  /** Returns the JDK's own reader, even if there are others on the class path. */
  static ImageReader readerOf(Format format, String name) {
    Iterator<ImageReader> readers = ImageIO.getImageReadersByFormatName(format.name());
    ImageReader found = null;
    while (readers.hasNext()) {
      ImageReader reader = readers.next();
      if (reader.getClass().getName().startsWith("com.sun.imageio.")) {
        return reader;
      }
      found = reader;
    }
    if (found == null) {
      throw new ImageDecodeException(
          name,
          ("no reader for %s is installed; put com.twelvemonkeys.imageio:imageio-webp on the"
                  + " class path, or convert the image to JPEG or PNG")
              .formatted(format));
    }
    return found;
  }

  /** The message of a reader's exception, or the kind of exception if it has none. */
  static String reason(Exception e) {
    Throwable deepest = e;
    while (deepest.getCause() != null) {
      deepest = deepest.getCause();
    }
    boolean speaks = deepest instanceof IIOException && deepest.getMessage() != null;
    return speaks ? deepest.getMessage() : deepest.getClass().getSimpleName();
  }
}

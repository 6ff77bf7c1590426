package dev.cocoli.data.image;

import dev.cocoli.data.AnnotatedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Locale;
import javax.imageio.ImageReader;
import javax.imageio.stream.ImageInputStream;
import javax.imageio.stream.MemoryCacheImageInputStream;

/**
 * Decodes JPEG (baseline, progressive, grey, CMYK), PNG (all kinds), BMP, GIF (first frame), TIFF
 * (first page) and, with a plug-in of ImageIO for it, WebP to RGB, turned upright by the
 * orientation in EXIF or XMP metadata. Samples are those of PIL's {@code convert("RGB")}, with
 * these exceptions: 16 bits become 8 by their upper half, grey included; a palette of a TIFF may
 * differ by 1; and in a JPEG with half the rows of chroma (4:4:0) these rows are repeated, and not
 * interpolated. Profiles are ignored, as PIL does. A truncated or broken file is an error; it never
 * gives an image that is half grey.
 *
 * <p>A decoder has no state and may be shared by threads.
 */
public final class ImageDecoder {

  /** The largest number of pixels that PIL decodes ({@code 2 * Image.MAX_IMAGE_PIXELS}). */
  public static final long DEFAULT_MAX_PIXELS = 178_956_970;

  /** The size of Java's largest array, less the header that some virtual machines need. */
  private static final long LARGEST_ARRAY = Integer.MAX_VALUE - 8;

  private final long maxPixels;

  /** Creates a decoder of images with up to {@link #DEFAULT_MAX_PIXELS} pixels. */
  public ImageDecoder() {
    this(DEFAULT_MAX_PIXELS);
  }

  /**
   * Creates a decoder.
   *
   * @param maxPixels the largest width x height that is decoded; the header is checked before
   *     memory is allocated
   */
  public ImageDecoder(long maxPixels) {
    if (maxPixels <= 0) {
      throw new IllegalArgumentException("the limit of pixels must be positive, not " + maxPixels);
    }
    this.maxPixels = maxPixels;
  }

  /**
   * Decodes a file.
   *
   * @param path the file
   * @return the upright image, to be closed by the caller
   * @throws ImageDecodeException if the file is missing, broken, too large or not an image
   * @throws OutOfMemoryError if Java's heap is too small for the image; the message names the file
   *     and the memory that is needed
   */
  public Image decode(Path path) {
    return decode(read(path), path.toString());
  }

  /**
   * Decodes bytes.
   *
   * @param file all bytes of an image file
   * @param name the image's name in messages
   * @return the upright image, to be closed by the caller
   * @throws ImageDecodeException if the bytes are broken, too large an image or not an image
   */
  public Image decode(byte[] file, String name) {
    return decode(file, ImageHeader.read(file, name), name);
  }

  /**
   * Decodes what a stream delivers.
   *
   * @param in the bytes of an image file, read to their end; not closed
   * @param name the image's name in messages
   * @return the upright image, to be closed by the caller
   * @throws ImageDecodeException if the stream cannot be read, or its bytes are broken, too large
   *     an image or not an image
   */
  public Image decode(InputStream in, String name) {
    byte[] file;
    try {
      file = in.readAllBytes();
    } catch (IOException e) {
      throw new ImageDecodeException(name, "cannot be read (" + e.getMessage() + ")", e);
    } catch (OutOfMemoryError e) {
      if (e.getMessage() != null && e.getMessage().startsWith("Required array size too large")) {
        throw new ImageDecodeException(name, "is larger than 2 GB", e);
      }
      throw e;
    }
    return decode(file, name);
  }

  /**
   * Decodes an image of a data set to the size that its boxes refer to. The image is turned
   * upright, unless only the stored orientation has the annotated size (some labelling tools ignore
   * EXIF).
   *
   * @param image the path and the expected size
   * @return an image of exactly that size, to be closed by the caller
   * @throws ImageDecodeException as {@link #decode(Path)}, and if neither orientation has the
   *     annotated size
   */
  public Image decode(AnnotatedImage image) {
    String name = image.path().toString();
    byte[] file = read(image.path());
    ImageHeader header = ImageHeader.read(file, name);
    ImageHeader seen = header.asAnnotated(image.width(), image.height());
    if (seen.width() != image.width() || seen.height() != image.height()) {
      throw new ImageDecodeException(
          name,
          "the image has %d x %d pixels, but its annotations are for %d x %d"
              .formatted(header.width(), header.height(), image.width(), image.height()));
    }
    return decode(file, seen, name);
  }

  private static byte[] read(Path path) {
    long size = 0;
    try {
      BasicFileAttributes attributes = Files.readAttributes(path, BasicFileAttributes.class);
      if (attributes.isOther()) { // a device may be read without end
        throw new ImageDecodeException(path.toString(), "is no regular file");
      }
      size = attributes.size();
      if (size > LARGEST_ARRAY) {
        throw new ImageDecodeException(path.toString(), "the file is larger than 2 GB");
      }
      return Files.readAllBytes(path);
    } catch (NoSuchFileException e) {
      throw new ImageDecodeException(path.toString(), "there is no such file", e);
    } catch (IOException e) {
      throw new ImageDecodeException(path.toString(), "cannot be read (" + e.getMessage() + ")", e);
    } catch (OutOfMemoryError e) {
      throw outOfMemory(path + ": reading it", size, e);
    }
  }

  private Image decode(byte[] file, ImageHeader header, String name) {
    long pixels = header.pixelCount();
    if (pixels > maxPixels || 4 * pixels > LARGEST_ARRAY) {
      throw new ImageDecodeException(
          name,
          String.format(
              Locale.ROOT,
              "claims %d x %d pixels, more than the limit of %,d",
              header.storedWidth(),
              header.storedHeight(),
              Math.min(maxPixels, LARGEST_ARRAY / 4)));
    }
    try {
      byte[] rgb =
          header.format() == ImageHeader.Format.JPEG
              ? decodeJpeg(file, name)
              : decodeOther(file, header.format(), name);
      if (rgb.length != 3 * pixels) {
        throw new ImageDecodeException(name, "is broken, its size is not what its header says");
      }
      rgb =
          Orientation.apply(header.orientation(), rgb, header.storedHeight(), header.storedWidth());
      return Image.of(header.height(), header.width(), rgb);
    } catch (OutOfMemoryError e) {
      // two copies, three of a turned image, and the third of a heap that large arrays cannot use
      int bytesPerPixel = header.orientation() == Orientation.UPRIGHT ? 9 : 12;
      throw outOfMemory(
          "%s: decoding %d x %d pixels"
              .formatted(name, header.storedWidth(), header.storedHeight()),
          header.pixelCount() * bytesPerPixel + 2L * file.length,
          e);
    }
  }

  /** An error that stops a run, because the image is whole: leaving it out would lose data. */
  private static OutOfMemoryError outOfMemory(String work, long byteSize, OutOfMemoryError cause) {
    OutOfMemoryError error =
        new OutOfMemoryError(
            String.format(
                Locale.ROOT,
                "%s needs about %,d MB of Java's heap (-Xmx)",
                work,
                (byteSize >> 20) + 1));
    error.initCause(cause);
    return error;
  }

  private static byte[] decodeJpeg(byte[] file, String name) {
    JpegHeader header;
    ByteArrayInputStream in = new ByteArrayInputStream(file);
    try {
      header = JpegHeader.read(in, name);
    } catch (IOException e) {
      throw new ImageDecodeException(name, "cannot be read (" + e.getMessage() + ")", e);
    }
    byte[] plain = withHeader(header, file, file.length - in.available());
    if (!header.singleScan()) {
      JpegScans.requireFew(plain, name);
    }
    return read(
        ImageHeader.Format.JPEG,
        plain,
        name,
        reader -> {
          if (header.components() == 4) {
            return RgbBytes.ofInvertedCmyk(reader.readRaster(0, null), header.transformed());
          }
          return RgbBytes.of(reader.read(0));
        });
  }

  /**
   * The JPEG's samples, preceded by the header that we write. Many whole files lack the end marker.
   * If a single scan has all samples, the marker is added, so that the decoder complains only if
   * samples are missing. In a progressive file a missing end is a missing scan.
   */
  private static byte[] withHeader(JpegHeader header, byte[] file, int samplesStart) {
    byte[] segments = header.segments();
    int samples = file.length - samplesStart;
    byte[] plain = new byte[segments.length + samples + (header.singleScan() ? 2 : 0)];
    System.arraycopy(segments, 0, plain, 0, segments.length);
    System.arraycopy(file, samplesStart, plain, segments.length, samples);
    if (header.singleScan()) {
      plain[plain.length - 2] = (byte) 0xFF;
      plain[plain.length - 1] = (byte) 0xD9;
    }
    return plain;
  }

  private static byte[] decodeOther(byte[] file, ImageHeader.Format format, String name) {
    byte[] plain = format == ImageHeader.Format.PNG ? PngFile.pixelsOnly(file, name) : file;
    if (format != ImageHeader.Format.GIF) {
      return read(format, plain, name, reader -> RgbBytes.of(reader.read(0)));
    }
    byte[] rgb = read(format, plain, name, reader -> RgbBytes.of(GifRows.read(reader, name)));
    try {
      return GifFrame.read(new ByteArrayInputStream(file), name).onCanvas(rgb);
    } catch (IOException e) {
      throw new ImageDecodeException(name, "cannot be read (" + e.getMessage() + ")", e);
    }
  }

  private interface Step {
    byte[] rgb(ImageReader reader) throws IOException;
  }

  private static byte[] read(ImageHeader.Format format, byte[] file, String name, Step step) {
    ImageReader reader = ImageHeader.readerOf(format, name);
    String[] damage = new String[1];
    try (ImageInputStream input = new MemoryCacheImageInputStream(new ByteArrayInputStream(file))) {
      reader.setInput(input, true, true);
      reader.addIIOReadWarningListener(
          (source, warning) -> {
            if (damage[0] == null || isStrayBytes(damage[0])) {
              damage[0] = warning;
            }
          });
      byte[] rgb = step.rgb(reader);
      if (damage[0] != null && isStrayBytes(damage[0])) {
        JpegScans.requireComplete(file, name);
      } else if (damage[0] != null) {
        throw new ImageDecodeException(
            name, "the " + format + " is truncated or broken (" + damage[0] + ")");
      }
      return rgb;
    } catch (IOException | RuntimeException e) {
      if (e instanceof ImageDecodeException known) {
        throw known;
      }
      for (Throwable cause = e; cause != null; cause = cause.getCause()) {
        if (cause instanceof OutOfMemoryError memory) {
          throw memory;
        }
      }
      // the JDK's readers throw many kinds of unchecked exceptions for broken files, too
      throw new ImageDecodeException(
          name, "the " + format + " is truncated or broken (" + ImageHeader.reason(e) + ")", e);
    } finally {
      reader.dispose();
    }
  }

  /**
   * Whether a decoder's warning is of extra bytes between segments, which cameras write. It does
   * not mean that pixels are wrong, but hides every later warning.
   */
  private static boolean isStrayBytes(String warning) {
    return warning.contains("extraneous bytes before marker");
  }
}

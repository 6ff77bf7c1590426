package dev.cocoli.data.image;

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.util.zip.CRC32;

/**
 * Reads the chunks of a PNG file: size and orientation from its header, and the few chunks that its
 * pixels need. Text, profiles and other ancillary chunks are never inflated, so that they cannot
 * exhaust the memory.
 */
final class PngFile {

  private static final int IHDR = 0x49484452;
  private static final int PLTE = 0x504C5445;
  private static final int IDAT = 0x49444154;
  private static final int IEND = 0x49454E44;
  private static final int EXIF = 0x65584966;
  private static final long SIGNATURE = 0x89504E470D0A1A0AL;

  private PngFile() {}

  /** Reads size and orientation, up to the stream's end, because the orientation may come last. */
  static ImageHeader header(InputStream stream, String name) throws IOException {
    DataInputStream in = new DataInputStream(stream);
    int width;
    int height;
    try {
      if (in.readLong() != SIGNATURE) {
        throw new ImageDecodeException(name, "not a PNG");
      }
      if (in.readInt() != 13 || in.readInt() != IHDR) {
        throw new ImageDecodeException(name, "the PNG is broken, it does not start with a header");
      }
      width = in.readInt();
      height = in.readInt();
      in.skipNBytes(5 + 4);
    } catch (EOFException e) {
      throw new ImageDecodeException(name, "the PNG is truncated, it ends in its header", e);
    }
    if (width <= 0 || height <= 0) {
      throw new ImageDecodeException(
          name,
          "the PNG is broken, it claims a size of %d x %d"
              .formatted(width & 0xFFFFFFFFL, height & 0xFFFFFFFFL));
    }
    return new ImageHeader(ImageHeader.Format.PNG, width, height, orientation(in));
  }

  private static int orientation(DataInputStream in) throws IOException {
    try {
      while (true) {
        int size = in.readInt();
        int type = in.readInt();
        if (type == IEND || size < 0) {
          return Orientation.UPRIGHT;
        }
        if (type == EXIF && size < 1 << 20) {
          byte[] body = new byte[size];
          in.readFully(body);
          return Orientation.ofTiff(body, 0);
        }
        in.skipNBytes(size + 4L);
      }
    } catch (EOFException e) {
      return Orientation.UPRIGHT; // decoding reports the truncation
    }
  }

  /** Reduces a PNG file to header, palette and pixels, and checks their checksums. */
  static byte[] pixelsOnly(byte[] file, String name) {
    ByteArrayOutputStream kept = new ByteArrayOutputStream(file.length);
    kept.write(file, 0, 8);
    CRC32 sum = new CRC32();
    int at = 8;
    while (true) {
      if (file.length - at < 12) {
        throw truncated(name);
      }
      int size = number(file, at);
      int type = number(file, at + 4);
      if (size < 0) {
        throw new ImageDecodeException(name, "the PNG is broken, a chunk has a negative size");
      }
      if (size > file.length - at - 12) {
        throw truncated(name);
      }
      if (type == IHDR || type == PLTE || type == IDAT || type == IEND) {
        sum.reset();
        sum.update(file, at + 4, size + 4);
        if ((int) sum.getValue() != number(file, at + 8 + size)) {
          throw new ImageDecodeException(
              name, "the PNG is broken, the chunk at byte " + at + " does not match its checksum");
        }
        kept.write(file, at, size + 12);
      }
      if (type == IEND) {
        return kept.toByteArray();
      }
      at += size + 12;
    }
  }

  private static ImageDecodeException truncated(String name) {
    return new ImageDecodeException(name, "the PNG is truncated, it ends before its end chunk");
  }

  private static int number(byte[] bytes, int at) {
    return (bytes[at] & 0xFF) << 24
        | (bytes[at + 1] & 0xFF) << 16
        | (bytes[at + 2] & 0xFF) << 8
        | (bytes[at + 3] & 0xFF);
  }
}

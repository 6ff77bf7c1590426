package dev.cocoli.data.image;

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/**
 * Reads the chunks of a PNG file: size and orientation from its header, and the few chunks that its
 * pixels need. Profiles and other ancillary chunks are never inflated, so that they cannot exhaust
 * the memory.
 */
final class PngFile {

  private static final int IHDR = 0x49484452;
  private static final int PLTE = 0x504C5445;
  private static final int IDAT = 0x49444154;
  private static final int IEND = 0x49454E44;
  private static final int EXIF = 0x65584966;
  private static final int TEXT = 0x74455874;
  private static final int COMPRESSED_TEXT = 0x7A545874;
  private static final int INTERNATIONAL_TEXT = 0x69545874;
  private static final long SIGNATURE = 0x89504E470D0A1A0AL;

  /** Size of a chunk without its body: length, type and checksum. */
  private static final int AROUND = 12;

  /** The largest chunk in which an orientation is looked for. */
  private static final int MOST_METADATA = 1 << 20;

  /** First column, first row, step of columns and step of rows of the passes of Adam7. */
  private static final int[][] INTERLACED = {
    {0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}
  };

  /** Where a chunk begins, and the bytes of its body. */
  private record Chunk(int type, int at, int size) {}

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

  /** The orientation of the EXIF chunk or, without one, of a text chunk that contains metadata. */
  private static int orientation(DataInputStream in) throws IOException {
    int ofText = Orientation.NONE;
    try {
      while (true) {
        int size = in.readInt();
        int type = in.readInt();
        if (type == IEND || size < 0) {
          break;
        }
        boolean isText = type == TEXT || type == COMPRESSED_TEXT || type == INTERNATIONAL_TEXT;
        if (size > MOST_METADATA || type != EXIF && !isText) {
          in.skipNBytes(size + 4L);
          continue;
        }
        byte[] body = new byte[size];
        in.readFully(body);
        in.skipNBytes(4);
        int found =
            isText ? OrientationText.ofChunk(body, type != TEXT) : Orientation.ofTiff(body, 0);
        if (!isText && found != Orientation.NONE) {
          return found;
        }
        ofText = ofText == Orientation.NONE ? found : ofText;
      }
    } catch (EOFException e) {
      // decoding reports the truncation if pixels are missing
    }
    return ofText == Orientation.NONE ? Orientation.UPRIGHT : ofText;
  }

  /**
   * Reduces a PNG file to header, palette and pixels. Their checksums are compared. What comes
   * after the pixels, the end chunk included, may be missing or damaged; if it is, the pixels are
   * inflated once to see that all of them are there.
   */
  static byte[] pixelsOnly(byte[] file, String name) {
    List<Chunk> needed = new ArrayList<>();
    boolean intact = true;
    int at = 8;
    int type = 0;
    while (file.length - at >= 8 && type != IEND) {
      int size = number(file, at);
      type = number(file, at + 4);
      int there = file.length - at - AROUND;
      if (size < 0 || size > there) {
        if (type == IDAT) {
          needed.add(new Chunk(type, at, Math.min(size < 0 ? there + 4 : size, there + 4)));
        }
        type = 0; // what it is called is not to be trusted
        break;
      }
      if (type == IHDR || type == PLTE || type == IDAT) {
        boolean same = checksum(file, at + 4, size + 4) == number(file, at + 8 + size);
        if (!same && type != IDAT) {
          throw new ImageDecodeException(
              name, "the PNG is broken, the chunk at byte " + at + " does not match its checksum");
        }
        intact &= same;
        needed.add(new Chunk(type, at, size));
      }
      at += size + AROUND;
    }
    ByteArrayOutputStream kept = new ByteArrayOutputStream(at + AROUND);
    kept.write(file, 0, 8);
    if (intact && type == IEND) {
      needed.forEach(chunk -> kept.write(file, chunk.at, chunk.size + AROUND));
    } else {
      mend(file, needed, intact, kept, name);
    }
    append(kept, IEND, new byte[0]);
    return kept.toByteArray();
  }

  /** Puts all pixels into one chunk with a right checksum, if they are all there. */
  private static void mend(
      byte[] file, List<Chunk> needed, boolean intact, ByteArrayOutputStream kept, String name) {
    ByteArrayOutputStream pixels = new ByteArrayOutputStream();
    for (Chunk chunk : needed) {
      if (chunk.type == IDAT) {
        pixels.write(file, chunk.at + 8, chunk.size);
      } else {
        kept.write(file, chunk.at, chunk.size + AROUND);
      }
    }
    byte[] compressed = pixels.toByteArray();
    requireAll(file, compressed, intact, name);
    append(kept, IDAT, compressed);
  }

  private static void append(ByteArrayOutputStream kept, int type, byte[] body) {
    ByteBuffer chunk = ByteBuffer.allocate(AROUND + body.length);
    chunk.putInt(body.length).putInt(type).put(body);
    chunk.putInt(checksum(chunk.array(), 4, body.length + 4));
    kept.writeBytes(chunk.array());
  }

  /**
   * Throws if pixels are missing or if neither the chunks' checksums nor that of the pixels
   * themselves shows that they are right.
   */
  private static void requireAll(byte[] file, byte[] compressed, boolean whole, String name) {
    long missing = byteSize(file);
    try (Inflater inflater = new Inflater()) {
      inflater.setInput(compressed);
      byte[] some = new byte[1 << 16];
      while (!inflater.finished() && !inflater.needsInput() && !inflater.needsDictionary()) {
        missing -= inflater.inflate(some);
      }
      if (missing > 0) {
        throw new ImageDecodeException(name, "the PNG is truncated, it ends before its last pixel");
      }
      if (!whole && !inflater.finished()) {
        throw new ImageDecodeException(name, "the PNG is broken, its checksums do not match");
      }
    } catch (DataFormatException e) {
      throw new ImageDecodeException(
          name,
          "the PNG is broken, its pixels do not match a checksum (" + e.getMessage() + ")",
          e);
    }
  }

  /** The bytes of all rows with their filters, from the header chunk. */
  private static long byteSize(byte[] file) {
    int width = number(file, 16);
    int height = number(file, 20);
    int samples =
        switch (file[25]) {
          case 2 -> 3;
          case 4 -> 2;
          case 6 -> 4;
          default -> 1;
        };
    long bitsPerPixel = (long) samples * file[24];
    if (file[28] == 0) {
      return height * (1 + (width * bitsPerPixel + 7) / 8);
    }
    long all = 0;
    for (int[] pass : INTERLACED) {
      long columns = Math.max(0, (width - pass[0] + pass[2] - 1) / pass[2]);
      long rows = Math.max(0, (height - pass[1] + pass[3] - 1) / pass[3]);
      all += columns == 0 ? 0 : rows * (1 + (columns * bitsPerPixel + 7) / 8);
    }
    return all;
  }

  private static int checksum(byte[] bytes, int from, int count) {
    CRC32 sum = new CRC32();
    sum.update(bytes, from, count);
    return (int) sum.getValue();
  }

  private static int number(byte[] bytes, int at) {
    return ByteBuffer.wrap(bytes).getInt(at);
  }
}

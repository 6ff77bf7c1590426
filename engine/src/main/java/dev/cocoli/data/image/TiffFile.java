package dev.cocoli.data.image;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/**
 * The first directory of a TIFF file (TIFF 6.0, section 2). The JDK's reader takes memory for what
 * a directory claims; {@link #requireModest} refuses claims that no image of that size needs.
 */
final class TiffFile {

  private static final int WIDTH = 256;
  private static final int HEIGHT = 257;
  private static final int BITS_PER_SAMPLE = 258;
  private static final int COMPRESSION = 259;
  private static final int COLOURS = 262;
  private static final int ORIENTATION = 274;
  private static final int SAMPLES_PER_PIXEL = 277;
  private static final int TILE_WIDTH = 322;
  private static final int TILE_HEIGHT = 323;
  private static final int SAMPLE_FORMAT = 339;

  private static final long RGB = 2;
  private static final long CMYK = 5;
  private static final long YCBCR = 6;
  private static final int OLD_JPEG = 6;
  private static final int JPEG = 7;

  /** Grey from white, grey from black, RGB, palette, CMYK, YCbCr; not CIELab and raw sensors. */
  private static final Set<Long> KNOWN_COLOURS = Set.of(0L, 1L, RGB, 3L, CMYK, YCBCR);

  /** Signed, floating-point and complex numbers. */
  private static final Set<Long> OTHER_NUMBERS = Set.of(2L, 3L, 5L, 6L);

  private static final int SHORT = 3;
  private static final int LONG = 4;

  /** Red, green, blue, alpha and one more; or the inks of CMYK and alpha. */
  private static final int MOST_SAMPLES = 5;

  /** Of a tile that is larger than its image: programs write tiles of up to 1,024 x 1,024. */
  private static final long MOST_TILE_PIXELS = 1 << 20;

  /** Of a sample: the reader makes a table of all values of a size that is not a whole number. */
  private static final int MOST_BITS = 16;

  private final byte[] bytes;
  private final long offset;
  private final boolean little;

  /** The place of each tag's entry. */
  private final Map<Integer, Long> entries = new HashMap<>();

  /**
   * Reads the directory; what cannot be read has no entries.
   *
   * @param bytes a file, or an EXIF block
   * @param offset where it begins in there
   */
  TiffFile(byte[] bytes, long offset) {
    this.bytes = bytes;
    this.offset = offset;
    this.little = offset < bytes.length && bytes[(int) offset] == 'I';
    long directory = number(offset + 4, 4);
    int count = directory < 0 ? 0 : (int) number(offset + directory, 2);
    for (int i = 0; i < count; i++) {
      long entry = offset + directory + 2 + 12L * i;
      entries.putIfAbsent((int) number(entry, 2), entry);
    }
  }

  /** Returns the orientation, or {@link Orientation#NONE}. */
  int orientation() {
    return Orientation.checked(value(ORIENTATION, Orientation.NONE));
  }

  /** Throws if the directory claims a pixel or a tile that takes far more memory than the image. */
  void requireModest(String name) {
    long samples = value(SAMPLES_PER_PIXEL, 1);
    long bits = largest(BITS_PER_SAMPLE);
    long image = value(WIDTH, 0) * value(HEIGHT, 0);
    long tile = value(TILE_WIDTH, 0) * value(TILE_HEIGHT, 0);
    boolean wide = bits > MOST_BITS && bits != 32 && bits != 64;
    if (samples < 1 || samples > MOST_SAMPLES || wide) {
      throw new ImageDecodeException(
          name,
          "TIFFs of %d samples per pixel with up to %d bits are not supported"
              .formatted(samples, bits));
    }
    if (tile > Math.max(image, MOST_TILE_PIXELS)) {
      throw new ImageDecodeException(name, "the TIFF is broken, it claims tiles beyond the image");
    }
  }

  /** Throws if the JDK's reader gives wrong colours for this kind of file, or fails at it. */
  void requireKnown(String name) {
    long colours = value(COLOURS, RGB);
    long compression = value(COMPRESSION, 1);
    long bits = largest(BITS_PER_SAMPLE);
    boolean jpeg = compression == OLD_JPEG || compression == JPEG;
    String unknown = null;
    if (!KNOWN_COLOURS.contains(colours)) {
      unknown = "colours of kind " + colours;
    } else if (OTHER_NUMBERS.contains(largest(SAMPLE_FORMAT))) {
      unknown = "signed or floating-point samples";
    } else if (bits > 16) {
      unknown = "samples of " + bits + " bits";
    } else if (colours == CMYK && bits > 8) {
      unknown = "CMYK of " + bits + " bits";
    } else if (jpeg && value(SAMPLES_PER_PIXEL, 1) > 3) {
      unknown = "four samples in JPEG compression";
    }
    if (unknown != null) {
      throw new ImageDecodeException(
          name, "TIFFs with " + unknown + " are not supported; save it as RGB of 8 bits a sample");
    }
  }

  /** The value of a tag that has one number; the default if it is missing or something else. */
  private long value(int tag, long otherwise) {
    Long entry = entries.get(tag);
    if (entry == null) {
      return otherwise;
    }
    long type = number(entry + 2, 2);
    // some programs write a long where a short is meant
    return type == SHORT || type == LONG ? number(entry + 8, type == LONG ? 4 : 2) : otherwise;
  }

  /** The largest of the shorts of a tag. */
  private long largest(int tag) {
    Long entry = entries.get(tag);
    if (entry == null || number(entry + 2, 2) != SHORT) {
      return 1;
    }
    long count = Math.min(number(entry + 4, 4), MOST_SAMPLES);
    long first = count <= 2 ? entry + 8 : offset + number(entry + 8, 4);
    long most = 0;
    for (int i = 0; i < count; i++) {
      most = Math.max(most, number(first + 2L * i, 2));
    }
    return most;
  }

  /** An unsigned number; -1 beyond the end. */
  private long number(long at, int size) {
    if (at < 0 || at + size > bytes.length) {
      return -1;
    }
    long value = 0;
    for (int i = 0; i < size; i++) {
      long digit = bytes[(int) at + (little ? size - 1 - i : i)] & 0xFF;
      value = value << 8 | digit;
    }
    return value;
  }
}

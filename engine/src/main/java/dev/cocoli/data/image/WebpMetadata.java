package dev.cocoli.data.image;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Finds the orientation in the chunks of a WebP file (RFC 9649, section 2.7). */
final class WebpMetadata {

  private static final int EXIF = 0x46495845;

  private WebpMetadata() {}

  /** Returns EXIF's orientation, or {@link Orientation#NONE}. */
  static int orientation(byte[] file) {
    ByteBuffer bytes = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
    for (long at = 12; at + 8 <= file.length; ) {
      int type = bytes.getInt((int) at);
      long size = Integer.toUnsignedLong(bytes.getInt((int) at + 4));
      if (type == EXIF) {
        boolean prefixed = at + 14 <= file.length && bytes.getInt((int) at + 8) == 0x66697845;
        return Orientation.ofTiff(file, (int) at + (prefixed ? 14 : 8));
      }
      at += 8 + size + (size & 1);
    }
    return Orientation.NONE;
  }
}

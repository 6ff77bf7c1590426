package dev.cocoli.data.image;

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;

/**
 * The part of a JPEG file before the samples: size, number of components, colour transform,
 * orientation. It keeps only the segments that a decoder needs, without metadata, so that profiles,
 * thumbnails and unusual orders of APP segments cannot affect decoding.
 *
 * @param width stored columns
 * @param height stored rows
 * @param components 1 grey, 3 colour, 4 CMYK
 * @param transformed whether colours are stored as luma and chroma (YCbCr, or YCCK)
 * @param orientation EXIF orientation, 1 to 8
 * @param singleScan whether one scan carries everything, as in nearly all baseline files
 * @param segments all of the header from the start marker to the first scan's header, colour
 *     transform made explicit
 */
record JpegHeader(
    int width,
    int height,
    int components,
    boolean transformed,
    int orientation,
    boolean singleScan,
    byte[] segments) {

  private static final int START_OF_IMAGE = 0xD8;
  private static final int END_OF_IMAGE = 0xD9;
  private static final int START_OF_SCAN = 0xDA;
  private static final int APP0 = 0xE0;
  private static final int APP1 = 0xE1;
  private static final int APP14 = 0xEE;
  private static final int COMMENT = 0xFE;
  private static final int NONE = -1;

  /** A JFIF segment, version 1.1, without density or thumbnail, which declares YCbCr or grey. */
  private static final byte[] JFIF = {
    -1, (byte) APP0, 0, 16, 'J', 'F', 'I', 'F', 0, 1, 1, 0, 0, 1, 0, 1, 0, 0
  };

  /** Reads from the start of a file to the end of the first scan's header, and no further. */
  static JpegHeader read(InputStream stream, String name) throws IOException {
    try {
      return new Reader(new DataInputStream(stream), name).read();
    } catch (EOFException e) {
      throw new ImageDecodeException(name, "the JPEG is truncated, it ends in its header", e);
    }
  }

  /** The state while a header is read; used once. */
  private static final class Reader {
    private final DataInputStream in;
    private final String name;
    private final ByteArrayOutputStream kept = new ByteArrayOutputStream(1024);
    private byte[] frame;
    private boolean jfif;
    private int adobeTransform = NONE;
    private int ofExif = Orientation.NONE;
    private int ofXmp = Orientation.NONE;

    Reader(DataInputStream in, String name) {
      this.in = in;
      this.name = name;
    }

    JpegHeader read() throws IOException {
      if (in.readUnsignedByte() != 0xFF || in.readUnsignedByte() != START_OF_IMAGE) {
        throw new ImageDecodeException(name, "not a JPEG");
      }
      while (true) {
        int marker = nextMarker();
        if (marker == END_OF_IMAGE) {
          throw new ImageDecodeException(name, "the JPEG has no image in it");
        }
        if (marker == START_OF_IMAGE || marker == 1 || (marker >= 0xD0 && marker <= 0xD7)) {
          continue; // markers without a body
        }
        int size = in.readUnsignedShort() - 2;
        if (size < 0) {
          throw new ImageDecodeException(name, "the JPEG is broken, a segment has a negative size");
        }
        byte[] body = new byte[size];
        in.readFully(body);
        take(marker, body);
        if (marker == START_OF_SCAN) {
          return header(body);
        }
      }
    }

    /** Skips bytes that are no marker, as libjpeg does. */
    private int nextMarker() throws IOException {
      while (true) {
        while (in.readUnsignedByte() != 0xFF) {
          // stray byte
        }
        int marker = in.readUnsignedByte();
        while (marker == 0xFF) {
          marker = in.readUnsignedByte();
        }
        if (marker != 0) {
          return marker;
        }
      }
    }

    private void take(int marker, byte[] body) {
      if (marker == APP0) {
        jfif |= ImageHeader.startsWith(body, 0, "JFIF\0");
      } else if (marker == APP14 && ImageHeader.startsWith(body, 0, "Adobe") && body.length >= 12) {
        adobeTransform = body[11] & 0xFF;
      } else if (marker == APP1
          && ImageHeader.startsWith(body, 0, "Exif\0\0")
          && ofExif == Orientation.NONE) {
        ofExif = Orientation.ofTiff(body, 6);
      } else if (marker == APP1 && ImageHeader.startsWith(body, 0, OrientationText.XMP_OF_JPEG)) {
        ofXmp = OrientationText.ofXmp(new String(body, StandardCharsets.ISO_8859_1));
      } else if (marker < APP0 || marker > COMMENT) {
        if (isStartOfFrame(marker)) {
          takeFrame(marker, body);
        }
        keep(marker, body);
      }
    }

    private static boolean isStartOfFrame(int marker) {
      boolean table = marker == 0xC4 || marker == 0xC8 || marker == 0xCC;
      return marker >= 0xC0 && marker <= 0xCF && !table;
    }

    private void takeFrame(int marker, byte[] body) {
      if (marker > 0xC2) {
        String kind = marker < 0xC8 ? "lossless or hierarchical" : "arithmetic coding";
        throw new ImageDecodeException(
            name, "this kind of JPEG (" + kind + ") is not supported; save it as a baseline JPEG");
      }
      if (frame != null || body.length < 9 || body.length < 6 + 3 * (body[5] & 0xFF)) {
        throw new ImageDecodeException(name, "the JPEG is broken, in its frame header");
      }
      if (body[0] != 8) {
        throw new ImageDecodeException(
            name, "JPEGs of " + body[0] + " bits a sample are not supported, only of 8");
      }
      frame = body;
    }

    private void keep(int marker, byte[] body) {
      kept.write(0xFF);
      kept.write(marker);
      kept.write(body.length + 2 >> 8);
      kept.write(body.length + 2);
      kept.write(body, 0, body.length);
    }

    private JpegHeader header(byte[] scan) throws IOException {
      if (frame == null || scan.length == 0) {
        throw new ImageDecodeException(name, "the JPEG is broken, a scan comes before its frame");
      }
      int height = (frame[1] & 0xFF) << 8 | (frame[2] & 0xFF);
      int width = (frame[3] & 0xFF) << 8 | (frame[4] & 0xFF);
      int components = frame[5] & 0xFF;
      if (height == 0 || width == 0) {
        throw new ImageDecodeException(
            name, "the JPEG is broken, it claims a size of " + width + " x " + height);
      }
      if (components != 1 && components != 3 && components != 4) {
        throw new ImageDecodeException(
            name, "JPEGs of " + components + " components are not supported, only of 1, 3 or 4");
      }
      boolean transformed = isTransformed(components);
      ByteArrayOutputStream all = new ByteArrayOutputStream(kept.size() + 32);
      all.write(0xFF);
      all.write(START_OF_IMAGE);
      boolean saysJfif = components == 1 || (components == 3 && transformed);
      all.write(saysJfif ? JFIF : adobe(transformed ? components - 2 : 0));
      kept.writeTo(all);
      return new JpegHeader(
          width,
          height,
          components,
          transformed,
          orientation(),
          scan[0] == components && !isProgressive(kept.toByteArray()),
          all.toByteArray());
    }

    /** EXIF's orientation or, without one, that of XMP. */
    private int orientation() {
      int found = ofExif == Orientation.NONE ? ofXmp : ofExif;
      return found == Orientation.NONE ? Orientation.UPRIGHT : found;
    }

    private static boolean isProgressive(byte[] segments) {
      int at = 0;
      while ((segments[at + 1] & 0xFF) != 0xC2) {
        at += 2 + ((segments[at + 2] & 0xFF) << 8 | (segments[at + 3] & 0xFF));
        if (at >= segments.length) {
          return false;
        }
      }
      return true;
    }

    /** The rules of libjpeg's {@code default_decompress_parms}. */
    private boolean isTransformed(int components) {
      if (components == 3) {
        if (jfif) {
          return true;
        }
        if (adobeTransform != NONE) {
          return adobeTransform != 0;
        }
        return !(frame[6] == 'R' && frame[9] == 'G' && frame[12] == 'B');
      }
      return components == 4 && adobeTransform != NONE && adobeTransform != 0;
    }

    /** An Adobe segment: transform 0 declares RGB or CMYK, 1 YCbCr, 2 YCCK. */
    private static byte[] adobe(int transform) {
      return new byte[] {
        -1, (byte) APP14, 0, 14, 'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0, (byte) transform
      };
    }
  }
}

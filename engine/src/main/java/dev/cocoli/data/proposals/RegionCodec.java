package dev.cocoli.data.proposals;

import dev.cocoli.data.DataException;
import dev.cocoli.structures.Box;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.zip.DataFormatException;
import java.util.zip.Deflater;
import java.util.zip.Inflater;

/**
 * Packs and unpacks the regions of an image: integer pixels in 16 bits, as the columns x1, y1,
 * width, height, in each column the high bytes before the low ones, deflated.
 */
final class RegionCodec {
  /** The longest side that fits 16 bits. */
  static final int MAX_SIDE = 0xFFFF;

  private static final int COLUMNS = 4;
  private static final int BYTES = 2 * COLUMNS;

  /** DEFLATE's largest ratio, of zlib's technical details: 258 bytes in 2 bits. */
  private static final long LARGEST_RATIO = 1032;

  private RegionCodec() {}

  /**
   * Packs regions; an edge between two pixels is moved outwards.
   *
   * @param name the image's name, for errors
   * @throws DataException if a region is outside the image or has no area
   */
  static byte[] pack(List<Box> boxes, String name, int width, int height) {
    int count = boxes.size();
    byte[] plain = new byte[BYTES * count];
    for (int i = 0; i < count; i++) {
      Box box = boxes.get(i);
      boolean inside = box.x1() >= 0 && box.y1() >= 0 && box.x2() <= width && box.y2() <= height;
      if (!inside || !(box.x1() < box.x2() && box.y1() < box.y2())) {
        throw wrong(name, i, box, width, height);
      }
      int x1 = (int) box.x1();
      int y1 = (int) box.y1();
      put(plain, count, 0, i, x1);
      put(plain, count, 1, i, y1);
      put(plain, count, 2, i, (int) Math.ceil(box.x2()) - x1);
      put(plain, count, 3, i, (int) Math.ceil(box.y2()) - y1);
    }
    return deflated(plain);
  }

  /**
   * Unpacks regions.
   *
   * @param count the expected number of regions
   * @param name the image's name, for errors
   * @throws DataException if a region is outside the image or has no area
   * @throws DataFormatException if these are not packed regions, or not as many
   */
  static List<Box> unpack(byte[] packed, int count, String name, int width, int height)
      throws DataFormatException {
    byte[] plain = inflated(packed, Math.multiplyExact(BYTES, count));
    List<Box> boxes = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      int x1 = get(plain, count, 0, i);
      int y1 = get(plain, count, 1, i);
      int x2 = x1 + get(plain, count, 2, i);
      int y2 = y1 + get(plain, count, 3, i);
      Box box = new Box(x1, y1, x2, y2);
      if (x1 == x2 || y1 == y2 || x2 > width || y2 > height) {
        throw wrong(name, i, box, width, height);
      }
      boxes.add(box);
    }
    return boxes;
  }

  private static DataException wrong(String name, int number, Box box, int width, int height) {
    boolean empty = !(box.x1() < box.x2() && box.y1() < box.y2());
    return new DataException(
        String.format(
            Locale.ROOT,
            "%s: region %d (%s, %s, %s, %s) is %s",
            name,
            number + 1,
            box.x1(),
            box.y1(),
            box.x2(),
            box.y2(),
            empty ? "of no size" : "outside the image of " + width + " x " + height));
  }

  private static void put(byte[] plain, int count, int column, int at, int value) {
    plain[2 * column * count + at] = (byte) (value >> 8);
    plain[(2 * column + 1) * count + at] = (byte) value;
  }

  private static int get(byte[] plain, int count, int column, int at) {
    return (plain[2 * column * count + at] & 0xFF) << 8
        | plain[(2 * column + 1) * count + at] & 0xFF;
  }

  private static byte[] deflated(byte[] plain) {
    try (Deflater deflater = new Deflater()) {
      deflater.setInput(plain);
      deflater.finish();
      ByteArrayOutputStream out = new ByteArrayOutputStream(plain.length / 2 + 16);
      byte[] part = new byte[8192];
      while (!deflater.finished()) {
        out.write(part, 0, deflater.deflate(part));
      }
      return out.toByteArray();
    }
  }

  private static byte[] inflated(byte[] packed, int size) throws DataFormatException {
    if (size > LARGEST_RATIO * packed.length) {
      throw new DataFormatException("fewer regions than announced");
    }
    try (Inflater inflater = new Inflater()) {
      inflater.setInput(packed);
      byte[] plain = new byte[size];
      int count = 0;
      while (count < size) {
        int more = inflater.inflate(plain, count, size - count);
        if (more == 0) {
          throw new DataFormatException("fewer regions than announced");
        }
        count += more;
      }
      if (inflater.inflate(new byte[1]) != 0 || !inflater.finished()) {
        throw new DataFormatException("more regions than announced");
      }
      return plain;
    }
  }
}

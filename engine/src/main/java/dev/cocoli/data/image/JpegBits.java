package dev.cocoli.data.image;

/** Reads a JPEG's markers, numbers, and the bits and Huffman codes of its entropy-coded data. */
final class JpegBits {
  private static final int LONGEST_CODE = 16;
  private static final int FIRST_RESTART = 0xD0;
  private static final int START_OF_IMAGE = 0xD8;

  /** Thrown if samples are missing or no code of their table. */
  static final class Incomplete extends Exception {
    private static final long serialVersionUID = 1;

    Incomplete(String problem) {
      super(problem);
    }
  }

  /**
   * A Huffman table.
   *
   * @param counts the number of codes of each length, from 1 bit
   * @param symbols what the codes mean, in their order
   */
  record Table(int[] counts, int[] symbols) {}

  private final byte[] jpeg;
  private int at;
  private int current;
  private int left;

  JpegBits(byte[] jpeg) {
    this.jpeg = jpeg;
  }

  static void require(boolean holds, String otherwise) throws Incomplete {
    if (!holds) {
      throw new Incomplete(otherwise);
    }
  }

  /** Moves past the next marker and returns its second byte, or -1 at the end of the file. */
  int nextMarker() {
    while (at + 1 < jpeg.length) {
      boolean isMarker = jpeg[at] == -1 && jpeg[at + 1] != -1 && jpeg[at + 1] != 0;
      if (isMarker) {
        at += 2;
        return jpeg[at - 1] & 0xFF;
      }
      at++;
    }
    return -1;
  }

  /** Moves past the marker's body, or to the end of the file if it ends before. */
  void skipBody(int marker) {
    try {
      at = bodyEnd(marker);
    } catch (Incomplete e) {
      at = jpeg.length;
    }
  }

  /** Moves to the start of the marker's body, if it has one, and returns where it ends. */
  int bodyEnd(int marker) throws Incomplete {
    if (marker == 1 || (marker >= FIRST_RESTART && marker <= START_OF_IMAGE)) {
      return at;
    }
    int end = at + read16();
    require(end >= at && end <= jpeg.length, "it ends in a header");
    return end;
  }

  int position() {
    return at;
  }

  void moveTo(int position) {
    at = position;
  }

  int read8() throws Incomplete {
    require(at < jpeg.length, "it ends in a header");
    return jpeg[at++] & 0xFF;
  }

  int read16() throws Incomplete {
    return read8() << 8 | read8();
  }

  Table readTable() throws Incomplete {
    int[] counts = new int[LONGEST_CODE];
    int count = 0;
    for (int i = 0; i < LONGEST_CODE; i++) {
      counts[i] = read8();
      count += counts[i];
    }
    int[] symbols = new int[count];
    for (int i = 0; i < count; i++) {
      symbols[i] = read8();
    }
    return new Table(counts, symbols);
  }

  /** Skips the bits that fill the last byte. */
  void align() {
    left = 0;
  }

  /** Moves past the restart marker, which must be the next marker. */
  void restart(int number) throws Incomplete {
    align();
    require(nextMarker() == FIRST_RESTART + number, "a restart marker is missing");
  }

  void skip(int count) throws Incomplete {
    for (int i = 0; i < count; i++) {
      bit();
    }
  }

  int read(int count) throws Incomplete {
    int value = 0;
    for (int i = 0; i < count; i++) {
      value = value << 1 | bit();
    }
    return value;
  }

  private int bit() throws Incomplete {
    if (left == 0) {
      require(at < jpeg.length, "its samples end early");
      current = jpeg[at++] & 0xFF;
      left = 8;
      if (current == 0xFF) {
        while (at < jpeg.length && jpeg[at] == -1) { // as libjpeg does
          at++;
        }
        require(at < jpeg.length && jpeg[at++] == 0, "its samples end early");
      }
    }
    left--;
    return current >> left & 1;
  }

  /** Reads a code and returns its symbol. */
  int decode(Table table) throws Incomplete {
    require(table != null, "a Huffman table is missing");
    int code = 0;
    int firstCode = 0;
    int index = 0;
    for (int count : table.counts) {
      code = code << 1 | bit();
      firstCode <<= 1;
      if (code - firstCode < count) {
        return table.symbols[index + code - firstCode];
      }
      index += count;
      firstCode += count;
    }
    throw new Incomplete("a bad Huffman code");
  }
}

package dev.cocoli.data.image;

import java.util.Arrays;

/**
 * Checks the scans of a JPEG without computing pixels. libjpeg reports only its first warning per
 * image, so that after a harmless one it is silent about missing samples; this class reads the
 * entropy-coded data itself (ITU-T T.81, annexes F and G) and counts the blocks of every scan.
 */
final class JpegScans {
  /**
   * The largest number of scans that is decoded; GraphicsMagick has the same limit. Each scan of a
   * progressive JPEG visits every block, even if it has only a few bytes. Encoders write about ten.
   */
  static final int MOST_SCANS = 100;

  private static final int HUFFMAN_TABLES = 0xC4;
  private static final int PROGRESSIVE_FRAME = 0xC2;
  private static final int END_OF_IMAGE = 0xD9;
  private static final int START_OF_SCAN = 0xDA;
  private static final int RESTART_INTERVAL = 0xDD;
  private static final int BLOCK = 8;
  private static final int COEFFICIENTS = 64;
  private static final int NO_RUN = 15;

  /** One component of the frame; sizes are in blocks, rowBlocks with those that fill a unit. */
  private static final class Component {
    final int id;
    final int across;
    final int down;
    long columns;
    long rows;
    int rowBlocks;
    boolean seen;
    JpegBits.Table dc;
    JpegBits.Table ac;

    /** The coefficients of each block of a progressive image that are not zero, one bit each. */
    long[] nonZero;

    Component(int id, int sampling) {
      this.id = id;
      this.across = sampling >> 4;
      this.down = sampling & NO_RUN;
    }
  }

  private final JpegBits bits;
  private final JpegBits.Table[] dcTables = new JpegBits.Table[4];
  private final JpegBits.Table[] acTables = new JpegBits.Table[4];
  private Component[] components = {};
  private boolean progressive;
  private long unitColumns;
  private long unitRows;
  private int restartInterval;

  // of the current scan
  private int first;
  private int last;
  private boolean refines;
  private int blocksToSkip;

  private JpegScans(byte[] jpeg) {
    bits = new JpegBits(jpeg);
  }

  /**
   * Checks that a JPEG has no more than {@link #MOST_SCANS} scans, by its markers.
   *
   * @throws ImageDecodeException if it has more
   */
  static void requireFew(byte[] jpeg, String name) {
    JpegBits bits = new JpegBits(jpeg);
    int scans = 0;
    for (int marker = bits.nextMarker(); marker >= 0; marker = bits.nextMarker()) {
      if (marker == START_OF_SCAN && ++scans > MOST_SCANS) {
        throw new ImageDecodeException(name, "the JPEG has more than " + MOST_SCANS + " scans");
      }
      if (marker == END_OF_IMAGE) {
        return;
      }
      bits.skipBody(marker);
    }
  }

  /**
   * Checks that every scan of a JPEG has all its blocks and every component a scan, and that the
   * end marker of a progressive one is there.
   *
   * @throws ImageDecodeException if not
   */
  static void requireComplete(byte[] jpeg, String name) {
    try {
      new JpegScans(jpeg).readAll();
    } catch (JpegBits.Incomplete e) {
      throw new ImageDecodeException(
          name, "the JPEG is truncated or broken (" + e.getMessage() + ")", e);
    }
  }

  private void readAll() throws JpegBits.Incomplete {
    while (true) {
      int marker = bits.nextMarker();
      JpegBits.require(marker >= 0, "its end marker is missing");
      if (marker == END_OF_IMAGE) {
        break;
      }
      int end = bits.bodyEnd(marker);
      switch (marker) {
        case 0xC0, 0xC1, PROGRESSIVE_FRAME -> {
          progressive = marker == PROGRESSIVE_FRAME;
          readFrame();
        }
        case HUFFMAN_TABLES -> {
          while (bits.position() < end) {
            int place = bits.read8();
            JpegBits.require((place & 0xEF) < 4, "a bad Huffman table");
            (place < 16 ? dcTables : acTables)[place & 3] = bits.readTable();
          }
        }
        case RESTART_INTERVAL -> restartInterval = bits.read16();
        case START_OF_SCAN -> {
          readScan(end);
          if (!progressive && Arrays.stream(components).allMatch(one -> one.seen)) {
            return; // many whole files lack the end marker
          }
        }
        default -> {}
      }
      if (marker != START_OF_SCAN) {
        bits.moveTo(end);
      }
    }
    JpegBits.require(
        Arrays.stream(components).allMatch(one -> one.seen), "a component has no scan");
  }

  private void readFrame() throws JpegBits.Incomplete {
    bits.read8();
    int height = bits.read16();
    int width = bits.read16();
    components = new Component[bits.read8()];
    int across = 1;
    int down = 1;
    for (int i = 0; i < components.length; i++) {
      components[i] = new Component(bits.read8(), bits.read8());
      bits.read8();
      JpegBits.require(components[i].across > 0 && components[i].down > 0, "bad sampling factors");
      across = Math.max(across, components[i].across);
      down = Math.max(down, components[i].down);
    }
    unitColumns = Math.ceilDiv(width, BLOCK * across);
    unitRows = Math.ceilDiv(height, BLOCK * down);
    for (Component component : components) {
      component.columns = Math.ceilDiv(Math.ceilDiv(width * component.across, across), BLOCK);
      component.rows = Math.ceilDiv(Math.ceilDiv(height * component.down, down), BLOCK);
      component.rowBlocks = Math.toIntExact(unitColumns * component.across);
      if (progressive) {
        component.nonZero =
            new long[Math.toIntExact(component.rowBlocks * unitRows * component.down)];
      }
    }
  }

  private void readScan(int end) throws JpegBits.Incomplete {
    Component[] scanned = new Component[bits.read8()];
    for (int i = 0; i < scanned.length; i++) {
      scanned[i] = component(bits.read8());
      int tables = bits.read8();
      JpegBits.require((tables & 0xCC) == 0, "a bad number of a Huffman table");
      scanned[i].dc = dcTables[tables >> 4];
      scanned[i].ac = acTables[tables & 3];
    }
    first = bits.read8();
    last = bits.read8();
    refines = bits.read8() >> 4 > 0;
    JpegBits.require(
        scanned.length > 0
            && (!progressive || (first <= last && last < COEFFICIENTS))
            && (first == 0 || scanned.length == 1 || !progressive),
        "a bad scan header");
    bits.moveTo(end);
    for (Component component : scanned) {
      component.seen |= first == 0;
    }
    boolean alone = scanned.length == 1;
    long columns = alone ? scanned[0].columns : unitColumns;
    long units = columns * (alone ? scanned[0].rows : unitRows);
    blocksToSkip = 0;
    for (long unit = 0; unit < units; unit++) {
      if (restartInterval > 0 && unit > 0 && unit % restartInterval == 0) {
        bits.restart((int) (unit / restartInterval - 1 & 7));
        blocksToSkip = 0;
      }
      long row = unit / columns;
      long column = unit % columns;
      if (alone) {
        readBlock(scanned[0], row, column);
      } else {
        for (Component component : scanned) {
          for (int i = 0; i < component.across * component.down; i++) {
            readBlock(
                component,
                row * component.down + i / component.across,
                column * component.across + i % component.across);
          }
        }
      }
    }
    bits.align();
  }

  private Component component(int id) throws JpegBits.Incomplete {
    for (Component component : components) {
      if (component.id == id) {
        return component;
      }
    }
    throw new JpegBits.Incomplete("a scan of an unknown component");
  }

  private void readBlock(Component component, long row, long column) throws JpegBits.Incomplete {
    if (!progressive) {
      bits.skip(bits.decode(component.dc));
      readSequential(component.ac);
    } else if (first == 0) {
      bits.skip(refines ? 1 : bits.decode(component.dc));
    } else {
      int block = (int) (row * component.rowBlocks + column);
      component.nonZero[block] =
          refines
              ? readRefinement(component.ac, component.nonZero[block])
              : readBand(component.ac, component.nonZero[block]);
    }
  }

  private void readSequential(JpegBits.Table table) throws JpegBits.Incomplete {
    for (int k = 1; k < COEFFICIENTS; k++) {
      int symbol = bits.decode(table);
      int size = symbol & NO_RUN;
      if (size == 0 && symbol >> 4 != NO_RUN) {
        return;
      }
      k += symbol >> 4;
      bits.skip(size);
    }
  }

  /** Reads the first bits of coefficients; returns which of the block are not zero. */
  private long readBand(JpegBits.Table table, long nonZero) throws JpegBits.Incomplete {
    if (blocksToSkip > 0) {
      blocksToSkip--;
      return nonZero;
    }
    long found = nonZero;
    for (int k = first; k <= last; k++) {
      int symbol = bits.decode(table);
      int run = symbol >> 4;
      int size = symbol & NO_RUN;
      if (size == 0 && run != NO_RUN) {
        blocksToSkip = (1 << run) + bits.read(run) - 1;
        return found;
      }
      k += run;
      JpegBits.require(size == 0 || k <= last, "a coefficient outside its scan");
      bits.skip(size);
      found |= size == 0 ? 0 : 1L << k;
    }
    return found;
  }

  /** Reads one more bit of coefficients; returns which of the block are not zero then. */
  private long readRefinement(JpegBits.Table table, long nonZero) throws JpegBits.Incomplete {
    long found = nonZero;
    int k = first;
    while (blocksToSkip == 0 && k <= last) {
      int symbol = bits.decode(table);
      int run = symbol >> 4;
      boolean isNew = (symbol & NO_RUN) != 0;
      if (!isNew && run != NO_RUN) {
        blocksToSkip = (1 << run) + bits.read(run);
        break;
      }
      bits.skip(isNew ? 1 : 0);
      for (; k <= last; k++) {
        if ((nonZero >> k & 1) != 0) {
          bits.skip(1);
        } else if (run-- == 0) {
          break;
        }
      }
      JpegBits.require(!isNew || k <= last, "a coefficient outside its scan");
      found |= isNew ? 1L << k : 0;
      k++;
    }
    if (blocksToSkip > 0) {
      for (; k <= last; k++) {
        bits.skip((int) (nonZero >> k & 1));
      }
      blocksToSkip--;
    }
    return found;
  }
}

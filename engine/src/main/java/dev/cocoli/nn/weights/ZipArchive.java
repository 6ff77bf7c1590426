package dev.cocoli.nn.weights;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The records of a ZIP archive that is mapped into memory, as views of it (PKWARE's APPNOTE 6.3.10,
 * ZIP64 included). Only stored records can be read: torch.save compresses none, so that their bytes
 * are the tensors'.
 */
final class ZipArchive {
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private static final int LOCAL = 0x04034b50;
  private static final int LOCAL_BYTES = 30;
  private static final int CENTRAL = 0x02014b50;
  private static final int CENTRAL_BYTES = 46;
  private static final int END = 0x06054b50;
  private static final int END_BYTES = 22;
  private static final int LOCATOR64 = 0x07064b50;
  private static final int LOCATOR64_BYTES = 20;
  private static final int END64 = 0x06064b50;
  private static final int END64_BYTES = 56;
  private static final int ZIP64_EXTRA = 1;
  private static final int LONGEST_COMMENT = 0xFFFF;
  private static final int SHORT_LIMIT = 0xFFFF;
  private static final long INT_LIMIT = 0xFFFF_FFFFL;

  /** More records than any model has tensors. */
  private static final long MAX_RECORDS = 1 << 18;

  /** A longer name is none of torch's. */
  private static final int MAX_NAME_BYTES = 1024;

  /**
   * A record.
   *
   * @param name with its folders
   * @param method 0 if it is stored
   * @param encrypted whether it is encrypted
   * @param crc the CRC-32 of its bytes
   * @param size the number of its bytes
   * @param storedSize the number of bytes in the archive
   * @param header where its local header is
   */
  record Entry(
      String name,
      int method,
      boolean encrypted,
      int crc,
      long size,
      long storedSize,
      long header) {}

  /** Where the central directory is. */
  private record Directory(long offset, long size, long count) {}

  private final MemorySegment file;
  private final Map<String, Entry> entries = new LinkedHashMap<>();

  private ZipArchive(MemorySegment file) {
    this.file = file;
  }

  /** Reads the central directory. */
  static ZipArchive read(MemorySegment file) throws IOException {
    ZipArchive archive = new ZipArchive(file);
    archive.readDirectory(archive.findDirectory());
    return archive;
  }

  /** Returns all records, in the order of the central directory. */
  Collection<Entry> entries() {
    return entries.values();
  }

  /** Returns a record; null if there is none of that name. */
  Entry find(String name) {
    return entries.get(name);
  }

  /** Returns the bytes of a record, as a view. */
  MemorySegment data(Entry entry) throws IOException {
    if (entry.encrypted()) {
      throw new IOException("its record " + shown(entry.name()) + " is encrypted");
    }
    if (entry.method() != 0) {
      throw new IOException(
          "its record "
              + shown(entry.name())
              + " is compressed, which torch.save never does: unpack and save it again in Python");
    }
    long header = entry.header();
    if (entry.storedSize() != entry.size()
        || !fits(header, LOCAL_BYTES)
        || file.get(INT, header) != LOCAL) {
      throw damaged("the record " + shown(entry.name()) + " is not where the directory says");
    }
    long start = header + LOCAL_BYTES + u16(header + 26) + u16(header + 28);
    if (!fits(start, entry.size())) {
      throw damaged("the record " + shown(entry.name()) + " goes past the end");
    }
    return file.asSlice(start, entry.size());
  }

  private Directory findDirectory() throws IOException {
    long last = file.byteSize() - END_BYTES;
    for (long at = last; at >= Math.max(0, last - LONGEST_COMMENT); at--) {
      if (file.get(INT, at) == END && at + END_BYTES + u16(at + 20) == file.byteSize()) {
        return directory(at);
      }
    }
    throw new IOException(
        "it begins as a ZIP archive, as torch.save writes, but has no end: it is cut off, or a"
            + " download did not finish");
  }

  private Directory directory(long end) throws IOException {
    long locator = end - LOCATOR64_BYTES;
    if (locator >= 0 && file.get(INT, locator) == LOCATOR64) {
      long end64 = file.get(LONG, locator + 8);
      if (!fits(end64, END64_BYTES) || file.get(INT, end64) != END64) {
        throw damaged("its ZIP64 directory is not where the end says");
      }
      return new Directory(
          file.get(LONG, end64 + 48), file.get(LONG, end64 + 40), file.get(LONG, end64 + 32));
    }
    return new Directory(u32(end + 16), u32(end + 12), u16(end + 10));
  }

  private void readDirectory(Directory directory) throws IOException {
    if (!fits(directory.offset(), directory.size())) {
      throw damaged("its directory goes past the end");
    }
    if (directory.count() < 0
        || directory.count() > MAX_RECORDS
        || directory.count() > directory.size() / CENTRAL_BYTES) {
      throw damaged(
          "its directory of %d bytes claims %s records"
              .formatted(directory.size(), Long.toUnsignedString(directory.count())));
    }
    long end = directory.offset() + directory.size();
    long at = directory.offset();
    for (long i = 0; i < directory.count(); i++) {
      if (at + CENTRAL_BYTES > end || file.get(INT, at) != CENTRAL) {
        throw damaged("its directory ends early");
      }
      int name = u16(at + 28);
      int extra = u16(at + 30);
      long next = at + CENTRAL_BYTES + name + extra + u16(at + 32);
      if (next > end || name > MAX_NAME_BYTES) {
        throw damaged("its directory has an impossible record");
      }
      Entry entry = readEntry(at, name, extra);
      if (entries.putIfAbsent(entry.name(), entry) != null) {
        throw damaged("it has two records with the name " + shown(entry.name()));
      }
      at = next;
    }
  }

  private Entry readEntry(long at, int nameBytes, int extraBytes) throws IOException {
    byte[] name = file.asSlice(at + CENTRAL_BYTES, nameBytes).toArray(ValueLayout.JAVA_BYTE);
    List<Long> wide = new ArrayList<>(List.of(u32(at + 24), u32(at + 20), u32(at + 42)));
    long extra = at + CENTRAL_BYTES + nameBytes;
    long end = extra + extraBytes;
    while (extra + 4 <= end) {
      int size = u16(extra + 2);
      if (u16(extra) == ZIP64_EXTRA) {
        readWide(extra + 4, Math.min(extra + 4 + size, end), wide);
      }
      extra += 4 + size;
    }
    return new Entry(
        new String(name, StandardCharsets.UTF_8),
        u16(at + 10),
        (u16(at + 8) & 1) != 0,
        file.get(INT, at + 16),
        wide.get(0),
        wide.get(1),
        wide.get(2));
  }

  /** Replaces each number that did not fit 32 bits; they stand one after the other. */
  private void readWide(long from, long end, List<Long> numbers) throws IOException {
    long at = from;
    for (int i = 0; i < numbers.size(); i++) {
      if (numbers.get(i) == INT_LIMIT) {
        if (at + Long.BYTES > end) {
          throw damaged("a record lacks its size");
        }
        numbers.set(i, file.get(LONG, at));
        at += Long.BYTES;
      }
    }
  }

  private boolean fits(long offset, long size) {
    return offset >= 0 && size >= 0 && size <= file.byteSize() && offset <= file.byteSize() - size;
  }

  private int u16(long at) {
    return file.get(SHORT, at) & SHORT_LIMIT;
  }

  private long u32(long at) {
    return file.get(INT, at) & INT_LIMIT;
  }

  private static IOException damaged(String how) {
    return new IOException("it is damaged: " + how);
  }

  /** A name for a message: short, without line breaks. */
  static String shown(String name) {
    int longest = 100;
    String plain = name.replaceAll("\\p{Cntrl}", "?");
    return "'" + (plain.length() > longest ? plain.substring(0, longest) + "..." : plain) + "'";
  }
}

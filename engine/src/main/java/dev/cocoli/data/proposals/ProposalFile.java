package dev.cocoli.data.proposals;

import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.data.DataException;
import dev.cocoli.data.Dataset;
import dev.cocoli.data.image.Image;
import dev.cocoli.data.proposals.ProposalIndex.Entry;
import dev.cocoli.files.OutputFile;
import dev.cocoli.structures.Box;
import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.zip.DataFormatException;

/**
 * A file with the proposals of a data set's images, which are read from the disk when they are
 * asked for. It is safe for many threads.
 *
 * <p>The format, with big-endian numbers: the 8 bytes {@code COCOLIRP}; the version, 4 bytes; the
 * settings, a text; CRC-32C of all that. Then the regions per image, each as x1, y1, width and
 * height in 16 bits, by columns, high bytes first, deflated. Then the index: the number of images,
 * and for each the file's name (a text), width, height, CRC-32C of the image file's size, first
 * 4,096 bytes and last 4,096, 0 for an image in no file (4 bytes each), the offset of the regions
 * (8 bytes), their packed size, their number and their CRC-32C (4 bytes each). Last the index's
 * offset and size (8 bytes each), its CRC-32C, and the 8 bytes again. A text is the number of its
 * bytes (4 bytes) and UTF-8.
 */
public final class ProposalFile implements ProposalSource, AutoCloseable {
  /** The size of magic and version. */
  private static final int START_BYTES = ProposalWriter.MAGIC.length + 4;

  private static final String AGAIN = "; write it again with cocoli proposals";

  private final Path file;

  /** Not a channel, because an interrupt of one reader would close it for all. */
  private final RandomAccessFile bytes;

  private final String settings;
  private final List<Entry> entries;
  private final Map<String, Entry> byName;
  private final String digest;
  private volatile boolean closed;

  private ProposalFile(
      Path file, RandomAccessFile bytes, String settings, List<Entry> entries, String digest) {
    this.file = file;
    this.bytes = bytes;
    this.settings = settings;
    this.entries = entries;
    this.digest = digest;
    byName = HashMap.newHashMap(entries.size());
    entries.forEach(entry -> byName.put(entry.fileName(), entry));
  }

  /**
   * Opens a file and checks all of it.
   *
   * @param file a file written by {@link #write}
   * @return the file, to be closed by the caller
   * @throws DataException if it cannot be read, is not a proposals file, has another version, is
   *     truncated or damaged, or has a region outside its image or without an area
   */
  public static ProposalFile read(Path file) {
    RandomAccessFile bytes;
    try {
      bytes = new RandomAccessFile(file.toFile(), "r");
    } catch (FileNotFoundException e) {
      throw new DataException(
          file + (Files.exists(file) ? ": cannot be read" : ": there is no such file"), e);
    }
    try {
      ProposalFile opened = open(file, bytes);
      opened.entries.parallelStream().forEach(opened::boxes);
      return opened;
    } catch (IOException e) {
      closeAfter(bytes, e);
      throw new DataException(file + ": cannot be read (" + e.getMessage() + ")", e);
    } catch (RuntimeException | Error e) {
      closeAfter(bytes, e);
      throw e;
    }
  }

  private static void closeAfter(RandomAccessFile bytes, Throwable problem) {
    try {
      bytes.close();
    } catch (IOException e) {
      problem.addSuppressed(e);
    }
  }

  private static ProposalFile open(Path file, RandomAccessFile from) throws IOException {
    long size = from.length();
    byte[] magic = ProposalWriter.MAGIC;
    byte[] start = read(from, 0, (int) Math.min(size, START_BYTES));
    if (!Arrays.equals(Arrays.copyOf(start, magic.length), magic)) {
      throw new DataException(file + ": is no proposals file");
    }
    if (start.length < START_BYTES) {
      throw truncated(file);
    }
    int version = ByteBuffer.wrap(start).getInt(magic.length);
    if (version != ProposalWriter.VERSION) {
      throw new DataException(
          "%s: is a proposals file of version %d, and this program reads version %d%s"
              .formatted(file, version, ProposalWriter.VERSION, AGAIN));
    }
    if (size < START_BYTES + ProposalWriter.TRAILER_BYTES) {
      throw truncated(file);
    }
    long end = size - ProposalWriter.TRAILER_BYTES;
    ByteBuffer trailer = ByteBuffer.wrap(read(from, end, ProposalWriter.TRAILER_BYTES));
    long offset = trailer.getLong();
    long length = trailer.getLong();
    int sum = trailer.getInt();
    byte[] last = new byte[magic.length];
    trailer.get(last);
    if (!Arrays.equals(last, magic)) {
      throw truncated(file);
    }
    if (offset < START_BYTES || length < 0 || length > Integer.MAX_VALUE - 8) {
      throw damaged(file);
    }
    if (offset + length != end) {
      throw damaged(file);
    }
    byte[] index = read(from, offset, (int) length);
    if (ProposalWriter.checkSum(index) != sum) {
      throw damaged(file);
    }
    try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(index))) {
      List<Entry> entries = List.copyOf(ProposalIndex.read(in));
      long first = entries.isEmpty() ? offset : entries.getFirst().offset();
      String settings = settings(file, from, first);
      return new ProposalFile(file, from, settings, entries, digest(index));
    } catch (IOException e) {
      throw new DataException(file + ": is damaged" + AGAIN, e);
    }
  }

  private static String settings(Path file, RandomAccessFile from, long headerSize)
      throws IOException {
    if (headerSize < START_BYTES + 8 || headerSize > from.length()) {
      throw damaged(file);
    }
    byte[] header = read(from, 0, Math.toIntExact(headerSize));
    int sum = ByteBuffer.wrap(header).getInt(header.length - 4);
    if (ProposalWriter.checkSum(Arrays.copyOf(header, header.length - 4)) != sum) {
      throw damaged(file);
    }
    int textSize = header.length - START_BYTES - 4;
    try (DataInputStream in =
        new DataInputStream(new ByteArrayInputStream(header, START_BYTES, textSize))) {
      return ProposalIndex.readText(in);
    }
  }

  private static String digest(byte[] index) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(index));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java platform has SHA-256", e);
    }
  }

  private static DataException truncated(Path file) {
    return new DataException(file + ": is truncated" + AGAIN);
  }

  private static DataException damaged(Path file) {
    return new DataException(file + ": is damaged, a check sum is wrong" + AGAIN);
  }

  private static byte[] read(RandomAccessFile from, long offset, int count) throws IOException {
    byte[] read = new byte[count];
    synchronized (from) { // the position in the file is shared
      from.seek(offset);
      from.readFully(read);
    }
    return read;
  }

  /**
   * Computes the regions of every image of a data set and writes them. The file appears only when
   * all is written.
   *
   * @param file the file; replaced if it exists
   * @param data the images
   * @param source computes the regions
   * @param settings the settings of the source in words, for the record
   * @param threads the number of images that are processed at once
   * @throws DataException if the file cannot be written, or the source returns a region outside its
   *     image or without an area
   * @throws java.util.concurrent.CancellationException if the thread is interrupted; its interrupt
   *     status stays set
   */
  public static void write(
      Path file, Dataset data, ProposalSource source, String settings, int threads) {
    write(file, data, source, settings, threads, ProposalListener.NONE);
  }

  /**
   * Computes the regions of every image of a data set, writes them, and reports the progress.
   *
   * @param file the file; replaced if it exists
   * @param data the images
   * @param source computes the regions
   * @param settings the settings of the source in words, for the record
   * @param threads the number of images that are processed at once
   * @param listener called after each image
   * @throws DataException if the file cannot be written, or the source returns a region outside its
   *     image or without an area
   * @throws java.util.concurrent.CancellationException if the thread is interrupted; its interrupt
   *     status stays set
   */
  public static void write(
      Path file,
      Dataset data,
      ProposalSource source,
      String settings,
      int threads,
      ProposalListener listener) {
    try (ProposalWriter writer = new ProposalWriter(file, settings);
        ProposalRun run = new ProposalRun(data, source, threads)) {
      run.writeTo(writer, listener);
      writer.finish();
    } catch (IOException e) {
      throw new DataException(file + ": cannot be written (" + OutputFile.reason(e) + ")", e);
    }
  }

  /** {@return the settings of the source, as passed when the file was written} */
  public String settings() {
    return settings;
  }

  /** {@return the number of images} */
  public int size() {
    return entries.size();
  }

  /** {@return the number of regions of all images} */
  public long regions() {
    return entries.stream().mapToLong(Entry::regions).sum();
  }

  /** {@return SHA-256 of the images' names and sizes and their regions, in hexadecimal digits} */
  public String digest() {
    return digest;
  }

  /**
   * Checks that the file has the regions of every image of a data set; it may have those of other
   * images, too. Images are compared by name, size, and their file's size, first and last bytes;
   * those that were in no file, as in a data set in memory, by name and size.
   *
   * @param data the data set
   * @throws DataException if an image is missing or differs
   */
  public void requireFor(Dataset data) {
    for (int i = 0; i < data.size(); i++) {
      AnnotatedImage annotated = data.get(i);
      Entry entry = entry(annotated);
      int sum = ImageSum.of(annotated.path());
      if (sum != entry.imageSum()) {
        if (sum == ImageSum.NO_FILE) {
          throw new DataException(annotated.path() + ": there is no such file");
        }
        throw new DataException(
            "%s: was made for another data set: its image %s is not %s"
                .formatted(file, annotated.fileName(), annotated.path()));
      }
    }
  }

  private Entry entry(AnnotatedImage annotated) {
    Entry entry = byName.get(annotated.fileName());
    if (entry == null) {
      throw new DataException(
          "%s: was made for another data set: it has no image %s"
              .formatted(file, annotated.fileName()));
    }
    if (entry.width() != annotated.width() || entry.height() != annotated.height()) {
      throw new DataException(
          "%s: was made for another data set: its image %s has %d x %d pixels, not %d x %d"
              .formatted(
                  file,
                  annotated.fileName(),
                  entry.width(),
                  entry.height(),
                  annotated.width(),
                  annotated.height()));
    }
    return entry;
  }

  @Override
  public List<Box> proposals(AnnotatedImage annotated, Image image) {
    return proposals(annotated);
  }

  /**
   * {@return the regions of an image, the best first}
   *
   * @param annotated the image
   * @throws DataException if the file has no image of this name and size
   */
  public List<Box> proposals(AnnotatedImage annotated) {
    return boxes(entry(annotated));
  }

  private List<Box> boxes(Entry entry) {
    try {
      boolean within =
          entry.byteSize() >= 0
              && entry.regions() >= 0
              && entry.regions() <= Integer.MAX_VALUE / 16
              && entry.offset() >= 0
              && entry.offset() <= bytes.length() - entry.byteSize();
      if (!within) {
        throw damaged(file);
      }
      byte[] packed = read(bytes, entry.offset(), entry.byteSize());
      if (ProposalWriter.checkSum(packed) != entry.checkSum()) {
        throw damaged(file);
      }
      return RegionCodec.unpack(
          packed, entry.regions(), file + ": " + entry.fileName(), entry.width(), entry.height());
    } catch (IOException e) {
      throw new DataException(
          file + (closed ? ": is closed" : ": cannot be read (" + e.getMessage() + ")"), e);
    } catch (DataFormatException e) {
      throw new DataException(
          "%s: is damaged at %s (%s)%s".formatted(file, entry.fileName(), e.getMessage(), AGAIN),
          e);
    }
  }

  /** Closes the file. A second close does nothing. */
  @Override
  public void close() {
    closed = true;
    try {
      bytes.close();
    } catch (IOException e) {
      throw new DataException(file + ": cannot be closed (" + e.getMessage() + ")", e);
    }
  }
}

package dev.cocoli.data.proposals;

import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.data.DataException;
import dev.cocoli.data.proposals.ProposalIndex.Entry;
import dev.cocoli.files.OutputFile;
import dev.cocoli.structures.Box;
import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.zip.CRC32C;

/**
 * Writes a proposals file image by image and keeps only the index in memory. The file has a
 * temporary name until {@link #finish} moves it to its place; closing without that deletes it.
 */
final class ProposalWriter implements AutoCloseable {
  static final byte[] MAGIC = {'C', 'O', 'C', 'O', 'L', 'I', 'R', 'P'};
  static final int VERSION = 1;

  /** The size of the end: the index's offset, size and checksum, and the magic again. */
  static final int TRAILER_BYTES = 8 + 8 + 4 + MAGIC.length;

  private static final int BUFFER = 1 << 16;

  private final OutputFile file;
  private final DataOutputStream out;
  private final List<Entry> entries = new ArrayList<>();
  private final Set<String> names = new HashSet<>();
  private long offset;

  ProposalWriter(Path file, String settings) throws IOException {
    this.file = OutputFile.create(file);
    out = new DataOutputStream(new BufferedOutputStream(this.file.stream(), BUFFER));
    try {
      byte[] header = header(settings);
      out.write(header);
      offset = header.length;
    } catch (IOException e) {
      close();
      throw e;
    }
  }

  private static byte[] header(String settings) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    DataOutputStream header = new DataOutputStream(bytes);
    header.write(MAGIC);
    header.writeInt(VERSION);
    ProposalIndex.writeText(header, settings);
    header.writeInt(checkSum(bytes.toByteArray()));
    return bytes.toByteArray();
  }

  static int checkSum(byte[] bytes) {
    CRC32C sum = new CRC32C();
    sum.update(ByteBuffer.wrap(bytes));
    return (int) sum.getValue();
  }

  /**
   * Adds an image.
   *
   * @throws DataException if a region is outside the image or has no area, the image is too large,
   *     or an image of its name was added already
   */
  void add(AnnotatedImage image, List<Box> boxes) throws IOException {
    String name = image.fileName();
    if (!names.add(name)) {
      throw new DataException(name + ": the data set has two images of this name");
    }
    if (Math.max(image.width(), image.height()) > RegionCodec.MAX_SIDE) {
      throw new DataException(
          "%s: an image of %d x %d is too large for a proposals file"
              .formatted(name, image.width(), image.height()));
    }
    byte[] packed = RegionCodec.pack(boxes, name, image.width(), image.height());
    out.write(packed);
    entries.add(
        new Entry(
            name,
            image.width(),
            image.height(),
            ImageSum.of(image.path()),
            offset,
            packed.length,
            boxes.size(),
            checkSum(packed)));
    offset += packed.length;
  }

  /** Writes the index, forces everything to the disk and moves the file to its place. */
  void finish() throws IOException {
    byte[] index = ProposalIndex.toBytes(entries);
    out.write(index);
    out.writeLong(offset);
    out.writeLong(index.length);
    out.writeInt(checkSum(index));
    out.write(MAGIC);
    out.flush();
    file.force();
    file.commit();
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}

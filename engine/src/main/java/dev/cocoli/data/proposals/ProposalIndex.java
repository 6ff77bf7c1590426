package dev.cocoli.data.proposals;

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** The index of a proposals file: its images and the positions of their regions. */
final class ProposalIndex {
  private ProposalIndex() {}

  /**
   * An image's entry.
   *
   * @param fileName the name by which the data set knows the file
   * @param width columns
   * @param height rows
   * @param imageSum a checksum of the image file, see {@link ImageSum}
   * @param offset where the packed regions begin
   * @param byteSize bytes of the packed regions
   * @param regions the number of regions
   * @param checkSum CRC-32C of the packed regions
   */
  record Entry(
      String fileName,
      int width,
      int height,
      int imageSum,
      long offset,
      int byteSize,
      int regions,
      int checkSum) {}

  static byte[] toBytes(List<Entry> entries) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      out.writeInt(entries.size());
      for (Entry entry : entries) {
        writeText(out, entry.fileName());
        out.writeInt(entry.width());
        out.writeInt(entry.height());
        out.writeInt(entry.imageSum());
        out.writeLong(entry.offset());
        out.writeInt(entry.byteSize());
        out.writeInt(entry.regions());
        out.writeInt(entry.checkSum());
      }
    } catch (IOException e) {
      throw new AssertionError("nothing is written to a file", e);
    }
    return bytes.toByteArray();
  }

  /**
   * Reads an index.
   *
   * @throws IOException if there is less than announced
   */
  static List<Entry> read(DataInputStream in) throws IOException {
    int count = in.readInt();
    List<Entry> entries = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      entries.add(
          new Entry(
              readText(in),
              in.readInt(),
              in.readInt(),
              in.readInt(),
              in.readLong(),
              in.readInt(),
              in.readInt(),
              in.readInt()));
    }
    return entries;
  }

  /** Writes a text as its byte size and its bytes; writeUTF is limited to 65,535 bytes. */
  static void writeText(DataOutputStream out, String text) throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    out.writeInt(bytes.length);
    out.write(bytes);
  }

  static String readText(DataInputStream in) throws IOException {
    int size = in.readInt();
    if (size < 0 || size > in.available()) {
      throw new IOException("a text of " + size + " bytes");
    }
    return new String(in.readNBytes(size), StandardCharsets.UTF_8);
  }
}

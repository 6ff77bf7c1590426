package dev.cocoli.data.proposals;

import dev.cocoli.data.DataException;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.CRC32C;

/**
 * A checksum that distinguishes image files of the same name and size without reading all of them:
 * CRC-32C of the file's size (8 bytes), its first 4,096 bytes and its last 4,096.
 */
final class ImageSum {
  /** Stands for an image that is in no file, such as one of a data set in memory. */
  static final int NO_FILE = 0;

  private static final int PART = 4096;

  private ImageSum() {}

  static int of(Path image) {
    if (!Files.exists(image)) {
      return NO_FILE;
    }
    try (SeekableByteChannel file = Files.newByteChannel(image)) {
      long size = file.size();
      CRC32C sum = new CRC32C();
      sum.update(ByteBuffer.allocate(Long.BYTES).putLong(size).flip());
      ByteBuffer part = ByteBuffer.allocate((int) Math.min(PART, size));
      for (long from : new long[] {0, size - part.capacity()}) {
        file.position(from);
        part.clear();
        while (part.hasRemaining()) {
          if (file.read(part) < 0) {
            throw new EOFException();
          }
        }
        sum.update(part.flip());
      }
      return (int) sum.getValue();
    } catch (IOException e) {
      throw new DataException(image + ": cannot be read (" + e.getMessage() + ")", e);
    }
  }
}

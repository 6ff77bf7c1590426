package dev.cocoli.files;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A file that is read whole. */
public final class InputFile {
  private InputFile() {}

  /**
   * Reads a file, or an endless device up to the limit.
   *
   * @param file the file
   * @param mostBytes the largest file that is read
   * @return all its bytes
   * @throws IOException if it cannot be read or is larger
   */
  public static byte[] read(Path file, int mostBytes) throws IOException {
    try (InputStream in = Files.newInputStream(file)) { // the size of a device is 0
      byte[] bytes = in.readNBytes(mostBytes + 1);
      if (bytes.length > mostBytes) {
        throw new FileSystemException(
            file.toString(), null, "is larger than " + mostBytes + " bytes");
      }
      return bytes;
    }
  }
}

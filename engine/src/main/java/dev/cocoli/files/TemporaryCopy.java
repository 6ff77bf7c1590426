package dev.cocoli.files;

import java.io.IOException;
import java.io.InputStream;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/**
 * A file with what a stream delivered, for readers that map files into memory. It lies in the
 * temporary directory until it is closed.
 *
 * @param path the file
 */
public record TemporaryCopy(Path path) implements AutoCloseable {
  private static final Logger LOG = System.getLogger(TemporaryCopy.class.getName());

  /**
   * {@return a copy of what a stream delivers}
   *
   * @param in the bytes, read to their end; not closed
   * @throws IOException if they cannot be read, or the temporary directory is full
   */
  public static TemporaryCopy of(InputStream in) throws IOException {
    TemporaryCopy copy = new TemporaryCopy(Files.createTempFile("cocoli-", null));
    try {
      Files.copy(in, copy.path, StandardCopyOption.REPLACE_EXISTING);
      return copy;
    } catch (IOException | RuntimeException | Error e) {
      copy.close();
      throw e;
    }
  }

  /** Deletes the file. */
  @Override
  public void close() {
    try {
      Files.deleteIfExists(path);
    } catch (IOException e) {
      LOG.log(Level.WARNING, () -> path + ": the temporary file was not deleted", e);
    }
  }
}

package dev.cocoli.bindings.cache;

import java.nio.file.FileSystemException;
import java.nio.file.Path;

/** Thrown if other users can change a file or directory, which is therefore not used. */
final class UntrustedFileException extends FileSystemException {
  private static final long serialVersionUID = 1L;

  /**
   * Creates the exception.
   *
   * @param path the file or directory
   * @param reason what others can do with it, after its name
   */
  UntrustedFileException(Path path, String reason) {
    super(path.toString(), null, reason);
  }

  @Override
  public String getMessage() {
    return getFile() + " " + getReason();
  }
}

package dev.cocoli.cli;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Makes sure, before the work begins, that its results can be written. */
final class OutputPaths {
  private OutputPaths() {}

  /** Makes a folder if need be, and tries it. */
  static void prepareFolder(Path folder) {
    try {
      Files.createDirectories(folder);
      Files.delete(Files.createTempFile(folder, ".cocoli", null));
    } catch (FileAlreadyExistsException e) {
      throw new CommandException("cannot write to " + folder + ": it is a file", e);
    } catch (IOException e) {
      throw new CommandException("cannot write to " + folder + ": " + ErrorMessages.of(e), e);
    }
  }

  /** Makes a file's folder if need be, and tries it. */
  static void prepareFile(Path file) {
    if (Files.isDirectory(file)) {
      throw new CommandException("cannot write " + file + ": it is a folder");
    }
    if (!Files.exists(file) || Files.isRegularFile(file)) { // not /dev/stdout
      Path folder = file.toAbsolutePath().getParent();
      prepareFolder(folder);
    }
  }
}

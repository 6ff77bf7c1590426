package dev.cocoli.cli;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;

/** Checks before the work begins that its results can be written. */
final class OutputPaths {
  private OutputPaths() {}

  /** Creates a folder if need be, and checks that it can be written to. */
  static void prepareFolder(Path folder) {
    prepare(folder, folder);
  }

  /**
   * Creates a file's folder if need be, and checks that it can be written to.
   *
   * @param file the file to be written later
   * @param inputs the files that the command reads, which must not be overwritten
   */
  static void prepareFile(Path file, Collection<Path> inputs) {
    if (Files.isDirectory(file)) {
      throw new CommandException("cannot write " + file + ": it is a folder");
    }
    requireOther(file, inputs);
    if (!Files.exists(file) || Files.isRegularFile(file)) { // not /dev/stdout
      prepare(file.toAbsolutePath().getParent(), file);
    }
  }

  /** Throws an exception if the file is one that the command reads. */
  static void requireOther(Path file, Collection<Path> inputs) {
    if (!Files.isRegularFile(file)) {
      return; // it does not exist yet, or is a device
    }
    for (Path input : inputs) {
      try {
        if (Files.exists(input) && Files.isSameFile(file, input)) {
          throw new CommandException(
              "cannot write " + file + ": that would overwrite what is read; choose another");
        }
      } catch (IOException e) {
        throw new CommandException("cannot write " + file + ": " + ErrorMessages.of(e), e);
      }
    }
  }

  /**
   * An error that names the file and the reason; the system's message for a full disk does not name
   * the file.
   */
  static CommandException notWritten(Path file, IOException e) {
    String words = ErrorMessages.of(e);
    return new CommandException(
        words.contains(file.toString()) ? words : "cannot write " + file + ": " + words, e);
  }

  private static void prepare(Path folder, Path wanted) {
    try {
      Files.createDirectories(folder);
      Files.delete(Files.createTempFile(folder, ".cocoli", null));
    } catch (FileAlreadyExistsException e) {
      throw notWritable(wanted, e.getFile() + " is a file", e);
    } catch (FileSystemException e) {
      String reason = e instanceof AccessDeniedException ? "permission denied" : e.getReason();
      throw notWritable(wanted, reason == null ? ErrorMessages.of(e) : reason, e);
    } catch (IOException e) {
      throw notWritable(wanted, ErrorMessages.of(e), e);
    }
  }

  private static CommandException notWritable(Path wanted, String reason, IOException cause) {
    return new CommandException("cannot write to " + wanted + ": " + reason, cause);
  }
}

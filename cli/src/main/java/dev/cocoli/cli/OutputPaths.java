package dev.cocoli.cli;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;

/** Makes sure, before the work begins, that its results can be written. */
final class OutputPaths {
  private OutputPaths() {}

  /** Makes a folder if need be, and tries it. */
  static void prepareFolder(Path folder) {
    prepare(folder, folder);
  }

  /**
   * Makes a file's folder if need be, and tries it.
   *
   * @param file to be written later
   * @param inputs what the command reads, which it must not destroy
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

  /** Refuses to write over what the command reads. */
  static void requireOther(Path file, Collection<Path> inputs) {
    if (!Files.isRegularFile(file)) {
      return; // it is not there yet, or a device
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

  /** Names the file with what went wrong, which the system's words for a full disk do not. */
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

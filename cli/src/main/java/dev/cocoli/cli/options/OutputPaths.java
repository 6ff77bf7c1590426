package dev.cocoli.cli.options;

import dev.cocoli.cli.terminal.CommandException;
import dev.cocoli.cli.terminal.ErrorMessages;
import dev.cocoli.files.OutputFile;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import picocli.CommandLine;

/**
 * Checks before the work begins that its results can be written. A check creates nothing, so that a
 * start that fails leaves no empty folder; folders are created when there is something to write.
 */
public final class OutputPaths {
  private OutputPaths() {}

  /** Throws an exception if a folder can neither be written to nor created. */
  public static void requireWritableFolder(Path folder) {
    requireWritable(folder, folder);
  }

  /**
   * Throws an exception if a file cannot be written.
   *
   * @param file the file to be written later
   * @param inputs the files that the command reads, which must not be overwritten
   */
  public static void requireWritableFile(Path file, Collection<Path> inputs) {
    if (Files.isDirectory(file)) {
      throw new CommandException("cannot write " + file + ": it is a folder");
    }
    requireOthers(List.of(file), inputs);
    if (!OutputFile.isDevice(file)) {
      requireWritable(file.toAbsolutePath().getParent(), file);
    }
  }

  /**
   * Returns where a command prints what is for people: standard output, unless it is one of the
   * files that the command writes.
   *
   * @param line the command
   * @param files the files
   */
  public static PrintWriter notes(CommandLine line, Stream<Path> files) {
    boolean taken = files.anyMatch(file -> !Files.isDirectory(file) && OutputFile.isDevice(file));
    return taken ? line.getErr() : line.getOut();
  }

  /** Creates a folder if need be. */
  public static void createFolder(Path folder) {
    writing(folder, () -> Files.createDirectories(folder));
  }

  /** Creates the folder of a file if need be. */
  public static void createFolderOf(Path file) {
    writing(file, () -> Files.createDirectories(file.toAbsolutePath().getParent()));
  }

  /**
   * Throws an exception if one of the files is one that the command reads. There may be many of
   * both, so that each is looked at once.
   */
  public static void requireOthers(Collection<Path> files, Collection<Path> inputs) {
    List<Path> existing = files.stream().filter(Files::isRegularFile).toList(); // and no device
    if (existing.isEmpty()) {
      return;
    }
    Set<Object> read = new HashSet<>();
    for (Path input : inputs) {
      if (Files.exists(input)) {
        read.add(identity(input));
      }
    }
    for (Path file : existing) {
      if (read.contains(identity(file))) {
        throw new CommandException(
            "cannot write " + file + ": that would overwrite what is read; choose another");
      }
    }
  }

  /** What a file has in common with all links to it, and with no other file. */
  private static Object identity(Path file) {
    try {
      Object key = Files.readAttributes(file, BasicFileAttributes.class).fileKey();
      return key != null ? key : file.toRealPath();
    } catch (IOException e) {
      throw new CommandException(ErrorMessages.of(e), e);
    }
  }

  /**
   * An error that names the file and the reason; the system's message for a full disk does not name
   * the file.
   */
  public static CommandException notWritten(Path file, IOException e) {
    String words = ErrorMessages.of(e);
    return new CommandException(
        words.contains(file.toString()) ? words : "cannot write " + file + ": " + words, e);
  }

  /** Creates a file for a moment in the folder, or in the one that it would be created in. */
  private static void requireWritable(Path folder, Path wanted) {
    Path there = folder.toAbsolutePath().normalize();
    while (!Files.exists(there)) {
      there = there.getParent();
    }
    Path found = there;
    writing(
        wanted,
        () -> {
          Files.createDirectories(found); // throws if it is a file
          Files.delete(Files.createTempFile(found, ".cocoli", null));
        });
  }

  /** Something that writes. */
  private interface Action {
    void run() throws IOException;
  }

  private static void writing(Path wanted, Action action) {
    try {
      action.run();
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

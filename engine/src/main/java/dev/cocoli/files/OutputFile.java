package dev.cocoli.files;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.regex.Pattern;

/**
 * A file that is written under a temporary name in the same folder and then moved into place, so
 * that its name always has the old content or the new one, whole. The temporary file is always a
 * new one. A link of the file's name is replaced, not followed. A device or pipe is written to
 * directly.
 */
public final class OutputFile implements AutoCloseable {
  private static final String TEMPORARY = ".tmp";
  private static final int MAX_PREFIX = 60;
  private static final Path DEVICES = Path.of("/dev");

  /** The files that are deleted if a signal ends the process. */
  private static final Set<OutputFile> OPEN = ConcurrentHashMap.newKeySet();

  /** Deletes them. Only while there are some, because the JVM holds its class loader. */
  private static Thread hook;

  private final Path target;
  private final Path temporary;
  private final FileChannel channel;

  /** Writes a file's content. */
  @FunctionalInterface
  public interface Content {
    /**
     * Writes the content.
     *
     * @param file an empty file with a temporary name
     * @throws IOException if it cannot be written
     */
    void writeTo(Path file) throws IOException;
  }

  /**
   * A file and its new content.
   *
   * @param target the file
   * @param content writes the content
   */
  public record Replacement(Path target, Content content) {}

  private OutputFile(Path target, Path temporary, FileChannel channel) {
    this.target = target;
    this.temporary = temporary;
    this.channel = channel;
  }

  /**
   * Creates the temporary file. Until it is closed, a signal that ends the process deletes it.
   *
   * @param target the file; replaced by {@link #commit} if it exists
   * @return the open file
   * @throws IOException if the file cannot be created; the message names {@code target}
   */
  public static OutputFile create(Path target) throws IOException {
    OutputFile file = open(target);
    file.deleteAtShutdown();
    return file;
  }

  private void deleteAtShutdown() {
    synchronized (OPEN) {
      OPEN.add(this);
      if (hook == null) {
        Thread thread = new Thread(OutputFile::deleteOpen, "delete temporary files");
        try {
          Runtime.getRuntime().addShutdownHook(thread);
          hook = thread;
        } catch (IllegalStateException e) {
          // the shutdown is in progress
        }
      }
    }
  }

  private void keepAtShutdown() {
    synchronized (OPEN) {
      OPEN.remove(this);
      if (OPEN.isEmpty() && hook != null) {
        try {
          Runtime.getRuntime().removeShutdownHook(hook);
          hook = null;
        } catch (IllegalStateException e) {
          // the shutdown is in progress
        }
      }
    }
  }

  private static OutputFile open(Path target) throws IOException {
    try {
      if (isDevice(target)) {
        return new OutputFile(
            target,
            target,
            // it may be a file that the standard output is added to
            FileChannel.open(target, StandardOpenOption.APPEND));
      }
      while (true) {
        long number = ThreadLocalRandom.current().nextLong();
        Path temporary =
            target.resolveSibling(prefix(target) + HexFormat.of().toHexDigits(number) + TEMPORARY);
        try {
          return new OutputFile(
              target,
              temporary,
              FileChannel.open(
                  temporary,
                  StandardOpenOption.CREATE_NEW,
                  StandardOpenOption.WRITE,
                  LinkOption.NOFOLLOW_LINKS));
        } catch (FileAlreadyExistsException e) {
          continue; // another number
        }
      }
    } catch (FileSystemException e) {
      throw named(target, e);
    }
  }

  /**
   * Says whether a file is written to directly: a device or a pipe. {@code /dev/stdout} counts as
   * one, whatever the standard output is.
   *
   * @param target the file, which need not exist
   * @return whether it is
   */
  public static boolean isDevice(Path target) {
    return Files.exists(target) && !Files.isRegularFile(target)
        || DEVICES.equals(target.toAbsolutePath().normalize().getParent());
  }

  /** The start of the temporary names of a file; short enough for every file system. */
  private static String prefix(Path target) {
    String name = target.getFileName().toString();
    return (name.length() > MAX_PREFIX ? "cocoli" : name) + ".";
  }

  /** The same error about the file, because nobody knows the temporary name. */
  private static FileSystemException named(Path target, FileSystemException e) {
    String reason = e instanceof NoSuchFileException ? "there is no such folder" : reason(e);
    FileSystemException named = new FileSystemException(target.toString(), null, reason);
    named.initCause(e);
    return named;
  }

  /** {@return a stream of the new content, without a buffer} */
  public OutputStream stream() {
    return Channels.newOutputStream(channel);
  }

  /**
   * Forces what was written to the disk.
   *
   * @throws IOException if that fails
   */
  public void force() throws IOException {
    channel.force(true);
  }

  /**
   * Closes the temporary file and moves it into place.
   *
   * @throws IOException if it cannot be moved
   */
  public void commit() throws IOException {
    channel.close();
    if (!temporary.equals(target)) {
      try {
        Files.move(
            temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      } catch (FileSystemException e) {
        throw named(target, e);
      }
    }
    keepAtShutdown();
  }

  /** Deletes the temporary file if it was not moved into place. */
  @Override
  public void close() throws IOException {
    try {
      channel.close();
    } finally {
      delete();
    }
  }

  private void delete() throws IOException {
    if (!temporary.equals(target)) {
      Files.deleteIfExists(temporary);
    }
    keepAtShutdown();
  }

  private static void deleteOpen() {
    for (OutputFile file : OPEN) {
      try {
        file.delete();
      } catch (IOException e) {
        continue; // the process ends
      }
    }
  }

  /**
   * Writes a whole file.
   *
   * @param target the file; replaced if it exists
   * @param content its bytes
   * @throws IOException if it cannot be written; then it is as it was
   */
  public static void write(Path target, byte[] content) throws IOException {
    try (OutputFile file = create(target)) {
      file.stream().write(content);
      file.commit();
    }
  }

  /**
   * Replaces files of one folder: all are written and forced to the disk before the first is moved
   * into place; they move in the order given. A signal deletes nothing here, because a training run
   * writes its last checkpoint after the signal.
   *
   * @param replacements the files
   * @throws IOException if one cannot be written; then all are as they were, and nothing temporary
   *     is left
   */
  public static void replace(List<Replacement> replacements) throws IOException {
    List<OutputFile> files = new ArrayList<>();
    try {
      for (Replacement replacement : replacements) {
        OutputFile file = open(replacement.target());
        files.add(file);
        replacement.content().writeTo(file.temporary);
        file.force();
      }
      for (OutputFile file : files) {
        file.commit();
      }
    } catch (IOException | RuntimeException | Error e) {
      for (OutputFile file : files) {
        try {
          file.close();
        } catch (IOException second) {
          e.addSuppressed(second);
        }
      }
      throw e;
    }
    forceFolder(replacements.getFirst().target().toAbsolutePath().getParent());
  }

  /**
   * Deletes what killed processes left of a file. Only for a file that no other process writes.
   *
   * @param target the file
   * @throws IOException if that fails
   */
  public static void deleteLeftovers(Path target) throws IOException {
    String name = Pattern.quote(prefix(target)) + "[0-9a-f]{16}" + Pattern.quote(TEMPORARY);
    DirectoryStream.Filter<Path> isLeftover = path -> path.getFileName().toString().matches(name);
    Path folder = target.toAbsolutePath().getParent();
    try (DirectoryStream<Path> leftovers = Files.newDirectoryStream(folder, isLeftover)) {
      for (Path leftover : leftovers) {
        Files.delete(leftover);
      }
    }
  }

  /** Makes the moves last through a power failure, where the system can. */
  private static void forceFolder(Path folder) {
    try (FileChannel opened = FileChannel.open(folder, StandardOpenOption.READ)) {
      opened.force(true);
    } catch (IOException e) {
      // Windows opens no folders, and there the moves are as safe as they get
    }
  }

  /**
   * Says why a file could not be read or written, in words that do not repeat its name.
   *
   * @param problem the exception
   * @return the reason
   */
  public static String reason(IOException problem) {
    return switch (problem) {
      case AccessDeniedException ignored -> "permission denied";
      case NoSuchFileException ignored -> "no such file or folder";
      case FileSystemException e when e.getReason() != null -> e.getReason();
      default -> String.valueOf(problem.getMessage());
    };
  }
}

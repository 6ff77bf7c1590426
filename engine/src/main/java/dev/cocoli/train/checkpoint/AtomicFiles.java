package dev.cocoli.train.checkpoint;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.List;

/**
 * Replaces files so that each is either the old one or the new one, whole, whatever happens: all
 * are written under temporary names in the same folder and forced to the disk before the first is
 * moved into place.
 */
public final class AtomicFiles {
  private static final String TEMPORARY = ".tmp";

  private AtomicFiles() {}

  /** Writes a file's content. */
  @FunctionalInterface
  public interface Content {
    void writeTo(Path file) throws IOException;
  }

  /** A file and what is to be in it. */
  public record Replacement(Path target, Content content) {}

  /**
   * Replaces files of one folder; they move into place in the order given.
   *
   * @throws IOException if one cannot be written; then all are as they were, and nothing temporary
   *     is left
   */
  public static void replace(List<Replacement> replacements) throws IOException {
    try {
      for (Replacement replacement : replacements) {
        Path temporary = temporary(replacement.target());
        replacement.content().writeTo(temporary);
        force(temporary, StandardOpenOption.WRITE);
      }
      for (Replacement replacement : replacements) {
        Files.move(
            temporary(replacement.target()),
            replacement.target(),
            StandardCopyOption.ATOMIC_MOVE,
            StandardCopyOption.REPLACE_EXISTING);
      }
    } catch (IOException | RuntimeException | Error e) {
      for (Replacement replacement : replacements) {
        deleteTemporary(replacement.target(), e);
      }
      throw e;
    }
    forceFolder(replacements.getFirst().target().toAbsolutePath().getParent());
  }

  /** Where a file is written before it takes another's place. */
  static Path temporary(Path target) {
    return target.resolveSibling(target.getFileName() + TEMPORARY);
  }

  private static void deleteTemporary(Path target, Throwable problem) {
    try {
      Files.deleteIfExists(temporary(target));
    } catch (IOException e) {
      problem.addSuppressed(e);
    }
  }

  private static void force(Path file, StandardOpenOption option) throws IOException {
    try (FileChannel channel = FileChannel.open(file, option)) {
      channel.force(true);
    }
  }

  /** Makes the moves last through a power failure, where the system can. */
  private static void forceFolder(Path folder) {
    try {
      force(folder, StandardOpenOption.READ);
    } catch (IOException e) {
      // Windows opens no folders, and there the moves are as safe as they get
    }
  }

  /** Why a file could not be read or written, in words that do not repeat its name. */
  public static String reason(IOException problem) {
    return switch (problem) {
      case AccessDeniedException ignored -> "permission denied";
      case NoSuchFileException ignored -> "no such file or folder";
      case FileSystemException e when e.getReason() != null -> e.getReason();
      default -> String.valueOf(problem.getMessage());
    };
  }
}

package dev.cocoli.backend.cuda.compile;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Keeps compiled kernels on disk. A file's name is the hash of all that its content depends on; it
 * begins with the hash of the rest, so that what is damaged is noticed and made again. A file
 * appears whole or not at all, so that processes may share the folder.
 */
public final class CompiledKernels {
  private final Optional<Path> folder;

  /** Uses a folder, which is made when the first file is; without one, nothing is kept. */
  public CompiledKernels(Optional<Path> folder) {
    this.folder = folder;
  }

  CompiledKernels(Path folder) {
    this(Optional.of(folder));
  }

  static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JVM has SHA-256", e);
    }
  }

  /**
   * Returns what is kept under a name, made and kept if need be.
   *
   * @param name a file's name
   * @param make makes it
   */
  byte[] get(String name, Supplier<byte[]> make) {
    if (folder.isEmpty()) {
      return make.get();
    }
    Path file = folder.get().resolve(name);
    Optional<byte[]> kept = read(file);
    if (kept.isPresent()) {
      return kept.get();
    }
    byte[] made = make.get();
    write(file, made);
    return made;
  }

  private static Optional<byte[]> read(Path file) {
    byte[] content;
    try {
      content = Files.readAllBytes(file);
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException e) {
      // it can be made again; that it cannot be written either costs time, not results
      return Optional.empty();
    }
    int hashBytes = sha256().getDigestLength();
    if (content.length < hashBytes) {
      return Optional.empty();
    }
    byte[] image = Arrays.copyOfRange(content, hashBytes, content.length);
    byte[] hash = Arrays.copyOf(content, hashBytes);
    return MessageDigest.isEqual(hash, sha256().digest(image))
        ? Optional.of(image)
        : Optional.empty();
  }

  private void write(Path file, byte[] image) {
    Path partial = null;
    try {
      Files.createDirectories(file.getParent());
      partial = Files.createTempFile(file.getParent(), file.getFileName().toString(), ".partial");
      byte[] hash = sha256().digest(image);
      byte[] content = Arrays.copyOf(hash, hash.length + image.length);
      System.arraycopy(image, 0, content, hash.length, image.length);
      Files.write(partial, content);
      Files.move(
          partial, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      // a cache that cannot be written is one that is not there: the next start compiles again
      discard(partial);
    }
  }

  private static void discard(Path partial) {
    try {
      if (partial != null) {
        Files.deleteIfExists(partial);
      }
    } catch (IOException e) {
      // what is left has a name that nothing reads
      return;
    }
  }
}

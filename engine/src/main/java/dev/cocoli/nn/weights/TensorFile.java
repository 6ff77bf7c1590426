package dev.cocoli.nn.weights;

import dev.cocoli.nn.Safetensors;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;

/**
 * An open file of named arrays: safetensors, or what {@code torch.save} wrote of a state dict. The
 * content decides which it is, not the name. The file is mapped into memory, and arrays are views
 * of it; every size in it is checked before it is used.
 */
public abstract sealed class TensorFile implements AutoCloseable
    permits SafetensorsFile, TorchFile {

  TensorFile() {}

  /**
   * Opens a file.
   *
   * @param path the file
   * @return its arrays
   * @throws IOException if it cannot be read, is damaged or is no weights file; the message names
   *     the file and says what it is
   */
  public static TensorFile open(Path path) throws IOException {
    Arena arena = Arena.ofShared();
    FileKind kind = FileKind.UNKNOWN;
    try {
      MemorySegment mapped = map(path, arena);
      kind = FileKind.of(mapped, path);
      if (kind == FileKind.SAFETENSORS) {
        arena.close();
        return new SafetensorsFile(Safetensors.open(path));
      }
      if (kind == FileKind.TORCH_ZIP) {
        return new TorchFile(path, mapped, arena, TorchZip.read(mapped));
      }
      if (kind == FileKind.TORCH_STREAM) {
        return new TorchFile(path, mapped, arena, TorchStream.read(mapped));
      }
      throw new IOException(path + " is " + kind.words());
    } catch (IOException | RuntimeException | InternalError e) {
      if (arena.scope().isAlive()) {
        arena.close();
      }
      throw named(path, kind, e);
    }
  }

  private static MemorySegment map(Path path, Arena arena) throws IOException {
    if (Files.isDirectory(path)) { // which opens, but cannot be mapped
      throw new IOException("it is a folder");
    }
    if (Files.exists(path) && !Files.isRegularFile(path)) { // a pipe has no size, and may block
      throw new IOException("it is no regular file, and no other can be mapped into memory");
    }
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      return channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
    } catch (NoSuchFileException e) {
      throw new IOException("no such file", e);
    }
  }

  private static IOException named(Path path, FileKind kind, Throwable e) {
    if (e instanceof InternalError) { // of the JVM, if a page of the mapped file is gone
      return new IOException(path + ": was cut while it was read", e);
    }
    String text = String.valueOf(e.getMessage());
    return e instanceof IOException known && text.startsWith(path.toString())
        ? known
        : new IOException(
            "%s is not a usable %s: %s"
                .formatted(
                    path,
                    kind == FileKind.TORCH_STREAM ? "file of torch.save" : "weights file",
                    text),
            e);
  }

  /** {@return the arrays under their names, contiguous; valid until the file is closed} */
  public abstract Map<String, Safetensors.Entry> entries();

  /** {@return the file's metadata; empty for a file of torch's} */
  public abstract Map<String, String> metadata();

  /**
   * Checks the arrays against the checksums in the file. A file without any is taken as it is.
   *
   * @throws IOException if they differ; the message does not name the file
   */
  public abstract void requireIntact() throws IOException;

  /**
   * Checks that the file is as long as when it was opened. Pages after the new end of a file that
   * was cut cannot be read, and the rest of its last page is zero.
   *
   * @throws IOException if it is shorter; the message does not name the file
   */
  public abstract void requireWhole() throws IOException;

  @Override
  public abstract void close();
}

package dev.cocoli.backend.cuda;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;

/**
 * Native code that tests need, compiled once: a folder for each set of sources and compiler's
 * options. A process that wants what another one is compiling waits for it.
 */
final class CompiledOnce {
  /** Another module may use what this one has compiled. */
  private static final Path CACHE =
      Path.of(System.getProperty("cocoli.test.compiled", "target/compiled")).toAbsolutePath();

  private CompiledOnce() {}

  /** Compiles the sources of a folder within that folder. */
  interface Compiler {
    void compile(Path folder) throws IOException;
  }

  /**
   * Returns a folder with sources and what they were compiled to.
   *
   * @param sources the files' names and bytes
   * @param options the compiler and its options
   * @param compiler is called if nobody has compiled this
   */
  static synchronized Path folder(
      SortedMap<String, byte[]> sources, List<String> options, Compiler compiler) {
    String name = digest(sources, options);
    Path folder = CACHE.resolve(name);
    try {
      Files.createDirectories(CACHE);
      try (FileChannel lock =
              FileChannel.open(
                  CACHE.resolve(name + ".lock"),
                  StandardOpenOption.CREATE,
                  StandardOpenOption.WRITE);
          FileLock _ = lock.lock()) {
        if (!Files.exists(folder)) {
          Path work = Files.createTempDirectory(CACHE, "compiling");
          for (Map.Entry<String, byte[]> source : sources.entrySet()) {
            Files.write(work.resolve(source.getKey()), source.getValue());
          }
          compiler.compile(work);
          Files.move(work, folder, StandardCopyOption.ATOMIC_MOVE);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return folder;
  }

  private static String digest(SortedMap<String, byte[]> sources, List<String> options) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      digest.update(options.toString().getBytes(StandardCharsets.UTF_8));
      sources.forEach(
          (name, bytes) -> {
            digest.update(name.getBytes(StandardCharsets.UTF_8));
            digest.update(bytes);
          });
      return HexFormat.of().formatHex(digest.digest(), 0, 12);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}

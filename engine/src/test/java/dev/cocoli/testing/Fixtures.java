package dev.cocoli.testing;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;

/**
 * Unpacks the test resources, which are stored compressed, to plain files for the readers under
 * test.
 */
public final class Fixtures {
  private static final String COMPRESSED = ".gz";
  private static final Map<String, Path> UNPACKED = new ConcurrentHashMap<>();

  private Fixtures() {}

  /**
   * {@return a copy of a folder of test resources, with compressed files unpacked}; made once, and
   * deleted when the virtual machine ends
   *
   * @param name from the root of the resources
   */
  public static Path folder(String name) {
    return UNPACKED.computeIfAbsent(name, Fixtures::unpack);
  }

  private static Path unpack(String name) {
    try {
      URI place = Fixtures.class.getResource("/" + name).toURI();
      if (!place.getScheme().equals("jar")) {
        return unpack(Path.of(place));
      }
      try (FileSystem jar = FileSystems.newFileSystem(place, Map.of())) {
        return unpack(jar.getPath("/" + name));
      }
    } catch (IOException | URISyntaxException e) {
      throw new IllegalStateException("cannot unpack the test resources " + name, e);
    }
  }

  private static Path unpack(Path from) throws IOException {
    try (Stream<Path> found = Files.walk(from)) {
      List<Path> files = found.filter(Files::isRegularFile).toList();
      Path to = Files.createTempDirectory("cocoli-fixtures");
      Runtime.getRuntime().addShutdownHook(new Thread(() -> delete(to)));
      for (Path file : files) {
        String path = from.relativize(file).toString();
        boolean compressed = path.endsWith(COMPRESSED);
        Path target =
            to.resolve(compressed ? path.substring(0, path.length() - COMPRESSED.length()) : path);
        Files.createDirectories(target.getParent());
        try (InputStream plain = Files.newInputStream(file);
            InputStream content = compressed ? new GZIPInputStream(plain) : plain) {
          Files.copy(content, target, StandardCopyOption.REPLACE_EXISTING);
        }
      }
      return to;
    }
  }

  private static void delete(Path folder) {
    try (Stream<Path> found = Files.walk(folder)) {
      for (Path path : found.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot delete " + folder, e);
    }
  }
}

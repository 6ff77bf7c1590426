package dev.cocoli.bindings;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.io.OutputStream;
import java.net.URI;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LibraryCacheTest {
  private final byte[] content = new byte[300_000];
  private LibraryCache cache;
  private List<URL> resources;
  private @TempDir Path directory;

  @BeforeEach
  void packAJar() throws IOException {
    new Random(7).nextBytes(content);
    cache = new LibraryCache(directory.resolve("cache"));
    resources = List.of(jar("a.jar", content));
  }

  @Test
  void unpacksOnceAndLeavesTheFileAlone() throws IOException {
    Path file = unpack();
    assertArrayEquals(content, Files.readAllBytes(file));
    Object inode = Files.getAttribute(file, "unix:ino");
    assertEquals(file, unpack());
    assertEquals(inode, Files.getAttribute(file, "unix:ino"));
  }

  @Test
  void otherContentGoesElsewhere() throws IOException {
    Path first = unpack();
    content[5]++;
    assertNotEquals(first, cache.unpack("lib", List.of(jar("b.jar", content))).getFirst());
  }

  @Test
  void replacesATruncatedFile() throws IOException {
    Path file = unpack();
    FileTime time = Files.getLastModifiedTime(file);
    Files.write(file, new byte[10]);
    Files.setLastModifiedTime(file, time);
    assertArrayEquals(content, Files.readAllBytes(unpack()));
  }

  @Test
  void replacesAFileWithAChangedByte() throws IOException {
    Path file = unpack();
    byte[] changed = content.clone();
    changed[changed.length / 2]++;
    Files.write(file, changed);
    assertArrayEquals(content, Files.readAllBytes(unpack()));
  }

  @Test
  void keepsAnIntactFileThatWasCopied() throws IOException {
    Path file = unpack();
    Object inode = Files.getAttribute(file, "unix:ino");
    Files.setLastModifiedTime(file, FileTime.fromMillis(System.currentTimeMillis()));
    unpack();
    assertEquals(inode, Files.getAttribute(file, "unix:ino"));
  }

  @Test
  void manyAtOnceSeeWholeFilesOnly() throws Exception {
    try (ExecutorService threads = Executors.newFixedThreadPool(8)) {
      List<Callable<byte[]>> tasks =
          Stream.generate(() -> (Callable<byte[]>) () -> Files.readAllBytes(unpack()))
              .limit(32)
              .toList();
      for (var result : threads.invokeAll(tasks)) {
        assertArrayEquals(content, result.get());
      }
    }
    try (Stream<Path> files = Files.list(unpack().getParent())) {
      assertEquals(1, files.count(), "a partial file was left behind");
    }
  }

  @Test
  void aDamagedJarLeavesNothingBehind() throws IOException {
    byte[] jar = Files.readAllBytes(directory.resolve("a.jar"));
    // random bytes do not shrink, so the middle of the jar is the middle of the entry
    jar[jar.length / 2]++;
    Files.write(directory.resolve("a.jar"), jar);
    assertThrows(IOException.class, this::unpack);
    try (Stream<Path> files = Files.walk(directory.resolve("cache"))) {
      assertEquals(List.of(), files.filter(Files::isRegularFile).toList());
    }
  }

  @Test
  void saysThatTheDirectoryCannotBeWritten() throws IOException {
    Path occupied = Files.writeString(directory.resolve("occupied"), "a file");
    LibraryCache broken = new LibraryCache(occupied);
    assertThrows(IOException.class, () -> broken.unpack("lib", resources));
  }

  private Path unpack() throws IOException {
    return cache.unpack("lib", resources).getFirst();
  }

  private URL jar(String name, byte[] bytes) throws IOException {
    Path jar = directory.resolve(name);
    try (OutputStream out = Files.newOutputStream(jar);
        JarOutputStream entries = new JarOutputStream(out)) {
      entries.putNextEntry(new JarEntry("some/place/libthing.so.1"));
      entries.write(bytes);
      entries.closeEntry();
    }
    return URI.create("jar:" + jar.toUri() + "!/some/place/libthing.so.1").toURL();
  }
}

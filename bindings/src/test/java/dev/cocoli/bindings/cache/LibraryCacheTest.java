package dev.cocoli.bindings.cache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.net.URI;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LibraryCacheTest {
  private final byte[] content = new byte[300_000];
  private long free = Long.MAX_VALUE;
  private LibraryCache cache;
  private Path first;
  private Path second;
  private List<URL> resources;
  private @TempDir Path directory;

  @BeforeEach
  void packAJar() throws IOException {
    new Random(7).nextBytes(content);
    first = directory.resolve("cache");
    second = directory.resolve("other");
    cache = new LibraryCache(places(first, second), _ -> free);
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
    Path file = unpack();
    List<Path> left = new ArrayList<>(regularFiles(file.getParent()));
    left.removeAll(List.of(file, file.resolveSibling(CheckedFiles.NAME)));
    assertEquals(List.of(), left);
  }

  @Test
  void aDamagedJarLeavesNothingBehind() throws IOException {
    byte[] jar = Files.readAllBytes(directory.resolve("a.jar"));
    // random bytes do not shrink, so the middle of the jar is the middle of the entry
    jar[jar.length / 2]++;
    Files.write(directory.resolve("a.jar"), jar);
    assertThrows(IOException.class, this::unpack);
    assertEquals(List.of(first.resolve("native").resolve(UnpackLock.NAME)), regularFiles(first));
  }

  @Test
  void replacesADamagedFileWhateverItsTimeAndSize() throws IOException {
    Path file = unpack();
    FileTime time = Files.getLastModifiedTime(file);
    byte[] changed = content.clone();
    changed[17] ^= 1;
    Files.write(file, changed);
    Files.setLastModifiedTime(file, time);
    assertArrayEquals(content, Files.readAllBytes(unpack()));
  }

  @Test
  void theDirectoriesAreForThisUserAlone() throws IOException {
    for (Path at = unpack().getParent(); !at.equals(real(directory)); at = at.getParent()) {
      assertEquals("rwx------", mode(at), at.toString());
    }
  }

  @Test
  void aDirectoryThatOthersCanWriteIsNotUsed() throws IOException {
    Path planted = unpack();
    // beneath a directory that only this user can enter, modes do not matter
    setMode(directory, "rwxr-xr-x");
    List<Path> chain = List.of(first, first.resolve("native"), planted.getParent());
    for (Path open : chain) {
      for (Path each : chain) {
        setMode(each, each.equals(open) ? "rwxrwxrwx" : "rwxr-xr-x");
      }
      assertTrue(unpack().startsWith(real(second)), open.toString());
    }
    setMode(planted.getParent(), "rwxr-xr-x");
    assertEquals(planted, unpack());
  }

  @Test
  void openDirectoriesBelowAClosedOneDoNotMatter() throws IOException {
    Path file = unpack();
    setMode(file.getParent(), "rwxrwxrwx");
    assertEquals("rwx------", mode(first));
    assertEquals(file, unpack());
  }

  @Test
  void aFileThatOthersCanWriteIsReplaced() throws IOException {
    Path file = unpack();
    Object inode = Files.getAttribute(file, "unix:ino");
    setMode(file, "rw-rw-rw-");
    assertEquals(file, unpack());
    assertNotEquals(inode, Files.getAttribute(file, "unix:ino"));
    assertEquals("rw-r--r--", mode(file));
  }

  @Test
  void aLinkIsReplacedAndNotFollowed() throws IOException {
    Path file = unpack();
    Path elsewhere = Files.move(file, directory.resolve("elsewhere"));
    Files.createSymbolicLink(file, elsewhere);
    assertEquals(file, unpack());
    assertTrue(Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS));
  }

  @Test
  void whatBelongsToAnotherUserIsNotUsed() throws IOException {
    if (FileTrust.user() != 0) {
      System.out.println("skipped: only root can give files away");
      Assumptions.abort("only root can give files away");
    }
    Path file = unpack();
    Files.setAttribute(file, "unix:uid", 12345);
    assertEquals(file, unpack());
    assertEquals(0, Files.getAttribute(file, "unix:uid"));
    Files.setAttribute(file.getParent(), "unix:uid", 12345);
    assertTrue(unpack().startsWith(real(second)));
  }

  @Test
  void theNextDirectoryIsUsedWhereOneCannotBe() throws IOException {
    Files.writeString(first, "a file");
    assertTrue(unpack().startsWith(real(second)));
  }

  @Test
  void theLastResortIsATemporaryDirectory() throws IOException {
    Files.writeString(first, "a file");
    Files.writeString(second, "a file");
    Path file = unpack();
    assertArrayEquals(content, Files.readAllBytes(file));
    assertEquals("rwx------", mode(file.getParent()));
    Files.delete(file);
    Files.delete(file.getParent());
  }

  @Test
  void aFullDiskIsAnErrorThatSaysHowMuchIsMissing() throws IOException {
    free = content.length - 1;
    IOException e = assertThrows(IOException.class, this::unpack);
    assertTrue(
        e.getMessage().contains(first + " (it needs 0 MB, and 0 MB are free)"), e::getMessage);
    assertTrue(e.getMessage().contains(second.toString()), e::getMessage);
    assertEquals(List.of(first.resolve("native").resolve(UnpackLock.NAME)), regularFiles(first));
    free = content.length;
    assertArrayEquals(content, Files.readAllBytes(unpack()));
    free = 0;
    unpack(); // nothing is written
  }

  @Test
  void ifOneFileCannotBeWrittenNoneIsLeft() throws IOException {
    Path jar = directory.resolve("two.jar");
    byte[] other = new byte[content.length];
    new Random(8).nextBytes(other);
    resources = jar(jar, Map.of("libthing.so.1", content, "libthing_part.so.1", other));
    byte[] bytes = Files.readAllBytes(jar);
    bytes[bytes.length * 3 / 4]++; // in the second file: random bytes do not shrink
    Files.write(jar, bytes);
    IOException e = assertThrows(IOException.class, this::unpack);
    assertTrue(e.getMessage().startsWith("damaged in the class path: jar:"), e::getMessage);
    assertEquals(List.of(first.resolve("native").resolve(UnpackLock.NAME)), regularFiles(first));
  }

  @Test
  void whatAKilledProcessHasLeftIsRemoved() throws IOException {
    Path file = unpack();
    Path partial = Files.writeString(file.resolveSibling("libthing.so.1234.partial"), "half");
    Files.delete(file);
    assertEquals(file, unpack());
    assertFalse(Files.exists(partial));
  }

  @Test
  @Tag("slow")
  void aFileThatWasCheckedIsNotReadAgainUntilItChanges() throws Exception {
    Path file = unpack();
    Path record = file.resolveSibling(CheckedFiles.NAME);
    assertFalse(Files.exists(record), "a change within the same tick would not be seen");
    byte[] wrong = content.clone();
    wrong[100]++;
    Files.write(file, wrong);
    List<PackedFile> packed = List.of(PackedFile.of(resources.getFirst()));
    Thread.sleep(1100);
    CheckedFiles.record(file.getParent(), packed); // as if its checksum had been right
    assertTrue(Files.exists(record));
    assertArrayEquals(wrong, Files.readAllBytes(unpack()));
    FileTime time = Files.getLastModifiedTime(file);
    Files.write(file, wrong);
    Files.setLastModifiedTime(file, time);
    assertArrayEquals(content, Files.readAllBytes(unpack()));
    setMode(record, "rw-rw-rw-");
    assertFalse(CheckedFiles.cover(file.getParent(), packed));
  }

  @Test
  void namesTheDirectoriesInTheirOrder() {
    Map<String, String> properties =
        new HashMap<>(Map.of("user.home", "/home/me", "java.io.tmpdir", "/tmp"));
    Map<String, String> variables = new HashMap<>();
    String temporary = "/tmp/cocoli-" + FileTrust.user();
    assertEquals(List.of("/home/me/.cache/cocoli", temporary), places(properties, variables));
    variables.put("XDG_CACHE_HOME", "/xdg");
    assertEquals(List.of("/xdg/cocoli", temporary), places(properties, variables));
    variables.put("COCOLI_CACHE", "/mine");
    assertEquals(
        List.of("COCOLI_CACHE=/mine", "/xdg/cocoli", temporary), places(properties, variables));
    properties.put("cocoli.cache", "/own");
    assertEquals(
        List.of("cocoli.cache=/own", "/xdg/cocoli", temporary), places(properties, variables));
  }

  @Test
  void withoutAHomeTheTemporaryDirectoryIsUsed() {
    for (String home : new String[] {"?", "", null}) {
      Map<String, String> properties = new HashMap<>(Map.of("java.io.tmpdir", "/tmp"));
      properties.put("user.home", home);
      assertEquals(
          List.of("/tmp/cocoli-" + FileTrust.user()),
          places(properties, Map.of("XDG_CACHE_HOME", "relative")));
    }
  }

  private static List<String> places(
      Map<String, String> properties, Map<String, String> variables) {
    return CacheDirectory.places(properties::get, variables::get).stream()
        .map(Object::toString)
        .toList();
  }

  private static List<CacheDirectory.Place> places(Path... directories) {
    return Stream.of(directories).map(path -> new CacheDirectory.Place("", path)).toList();
  }

  private static Path real(Path path) throws IOException {
    return path.toRealPath();
  }

  private static String mode(Path path) throws IOException {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
  }

  private static void setMode(Path path, String mode) throws IOException {
    Files.setPosixFilePermissions(path, PosixFilePermissions.fromString(mode));
  }

  private Path unpack() throws IOException {
    return cache.unpack("lib", resources).getFirst();
  }

  private static List<Path> regularFiles(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      return files.filter(Files::isRegularFile).toList();
    }
  }

  private URL jar(String name, byte[] bytes) throws IOException {
    return jar(directory.resolve(name), Map.of("libthing.so.1", bytes)).getFirst();
  }

  /** Packs files, in the order of their names. */
  private static List<URL> jar(Path jar, Map<String, byte[]> files) throws IOException {
    List<URL> resources = new ArrayList<>();
    try (OutputStream out = Files.newOutputStream(jar);
        JarOutputStream entries = new JarOutputStream(out)) {
      for (String name : files.keySet().stream().sorted().toList()) {
        entries.putNextEntry(new JarEntry("some/place/" + name));
        entries.write(files.get(name));
        entries.closeEntry();
        resources.add(URI.create("jar:" + jar.toUri() + "!/some/place/" + name).toURL());
      }
    }
    return resources;
  }
}

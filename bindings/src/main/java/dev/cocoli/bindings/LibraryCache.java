package dev.cocoli.bindings;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.JarURLConnection;
import java.net.URL;
import java.net.URLConnection;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.jar.JarEntry;
import java.util.zip.CRC32;
import java.util.zip.CheckedInputStream;

/**
 * Unpacks libraries from the class path into a directory, and leaves them there for the next start.
 * The directory's name contains their checksums. Several processes may do so at the same time: a
 * file appears whole, under its final name, or not at all.
 */
final class LibraryCache {
  private final Path root;

  LibraryCache(Path root) {
    this.root = root;
  }

  /** The cache of this user, in {@link CacheDirectory#ofUser}. */
  static LibraryCache ofUser() {
    return new LibraryCache(CacheDirectory.ofUser());
  }

  /**
   * Unpacks resources into one directory, so that the libraries find each other, and checks files
   * that exist already.
   *
   * @param name the first part of the directory's name
   * @param resources the files, each named by the last part of its path
   * @return the files, in the same order
   * @throws IOException if the directory cannot be written or a resource is damaged
   */
  List<Path> unpack(String name, List<URL> resources) throws IOException {
    List<Checksum> sums = new ArrayList<>();
    StringBuilder key = new StringBuilder(name);
    for (URL resource : resources) {
      Checksum sum = Checksum.of(resource);
      sums.add(sum);
      key.append('-').append(String.format("%08x", sum.crc));
    }
    Path directory = root.resolve("native").resolve(key.toString());
    List<Path> files = new ArrayList<>();
    for (int i = 0; i < resources.size(); i++) {
      String path = resources.get(i).getPath();
      Path file = directory.resolve(path.substring(path.lastIndexOf('/') + 1));
      if (!isIntact(file, sums.get(i))) {
        Files.createDirectories(directory);
        replace(file, resources.get(i), sums.get(i));
      }
      files.add(file);
    }
    return files;
  }

  /**
   * Whether a file has the expected size and bytes. Reading 90 MB at each start would be slow, so a
   * verified file is marked: its modification time is set to its checksum, and any later write
   * changes that.
   */
  private static boolean isIntact(Path file, Checksum sum) throws IOException {
    try {
      BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
      if (attributes.size() != sum.byteSize) {
        return false;
      }
      if (attributes.lastModifiedTime().equals(sum.mark())) {
        return true;
      }
      try (InputStream in = Files.newInputStream(file)) {
        if (Checksum.crcOf(in) != sum.crc) {
          return false;
        }
      }
      mark(file, sum);
      return true;
    } catch (NoSuchFileException e) {
      return false;
    }
  }

  private static void mark(Path file, Checksum sum) {
    try {
      Files.setLastModifiedTime(file, sum.mark());
    } catch (IOException e) {
      // another user's cache, or read only: the file is good, and the next start reads it again
      return;
    }
  }

  /**
   * Writes a new file beside the old one and renames it, so that a process that has mapped the old
   * one keeps it.
   */
  private static void replace(Path file, URL resource, Checksum sum) throws IOException {
    Path partial =
        Files.createTempFile(file.getParent(), file.getFileName().toString(), ".partial");
    try {
      try (CheckedInputStream in = new CheckedInputStream(open(resource), new CRC32());
          FileChannel channel = FileChannel.open(partial, StandardOpenOption.WRITE)) {
        OutputStream out = Channels.newOutputStream(channel);
        long written = in.transferTo(out);
        if (written != sum.byteSize || in.getChecksum().getValue() != sum.crc) {
          throw new IOException("damaged in the class path: " + resource);
        }
        channel.force(true);
      }
      // a temporary file is readable by its owner only, but a cache may be shared
      PosixFileAttributeView view =
          Files.getFileAttributeView(partial, PosixFileAttributeView.class);
      if (view != null) {
        view.setPermissions(PosixFilePermissions.fromString("rw-r--r--"));
      }
      Files.setLastModifiedTime(partial, sum.mark());
      Files.move(
          partial, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(partial);
    }
  }

  private static InputStream open(URL resource) throws IOException {
    URLConnection connection = resource.openConnection();
    connection.setUseCaches(false);
    return connection.getInputStream();
  }

  private record Checksum(long crc, long byteSize) {
    /**
     * Reads the checksum from the jar's directory, without reading the file; a file outside a jar
     * is read.
     */
    static Checksum of(URL resource) throws IOException {
      URLConnection connection = resource.openConnection();
      if (connection instanceof JarURLConnection jar) {
        jar.setUseCaches(false);
        try (var file = jar.getJarFile()) {
          JarEntry entry = file.getJarEntry(jar.getEntryName());
          if (entry != null && entry.getCrc() != -1 && entry.getSize() != -1) {
            return new Checksum(entry.getCrc(), entry.getSize());
          }
        }
      }
      try (CheckedInputStream in = new CheckedInputStream(open(resource), new CRC32())) {
        long byteSize = in.transferTo(OutputStream.nullOutputStream());
        return new Checksum(in.getChecksum().getValue(), byteSize);
      }
    }

    static long crcOf(InputStream in) throws IOException {
      CheckedInputStream checked = new CheckedInputStream(in, new CRC32());
      checked.transferTo(OutputStream.nullOutputStream());
      return checked.getChecksum().getValue();
    }

    /** Thirty bits of the checksum as seconds, which every file system can store. */
    FileTime mark() {
      return FileTime.from(crc & 0x3fff_ffff, TimeUnit.SECONDS);
    }
  }
}

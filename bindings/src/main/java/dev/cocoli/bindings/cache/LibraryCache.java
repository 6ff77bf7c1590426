package dev.cocoli.bindings.cache;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.System.Logger.Level;
import java.net.JarURLConnection;
import java.net.URL;
import java.net.URLConnection;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.zip.CRC32;
import java.util.zip.CheckedInputStream;
import java.util.zip.ZipException;

/**
 * Unpacks libraries from the class path into a directory, and leaves them there for the next start.
 * The directory's name contains their checksums. Several processes may do so at the same time: a
 * file appears whole, under its final name, or not at all.
 *
 * <p>A file that lies there already is used if nobody but this user and root can change it, and if
 * its bytes have the checksum of the jar: the first keeps attackers out, the second finds damage
 * (ADR 14). Every other file is replaced.
 */
public final class LibraryCache {
  private static final int READ_BYTES = 1 << 18;

  private final List<CacheDirectory.Place> places;

  LibraryCache(List<CacheDirectory.Place> places) {
    this.places = places;
  }

  /**
   * Returns the cache of this process, in the first directory of {@link CacheDirectory} that can be
   * used, at worst in a temporary one that is deleted when the process ends.
   *
   * @return the cache
   */
  public static LibraryCache ofProcess() {
    return new LibraryCache(CacheDirectory.places());
  }

  /**
   * Unpacks resources into one directory, so that the libraries find each other, and checks files
   * that exist already.
   *
   * @param name the first part of the directory's name
   * @param resources the files, each named by the last part of its path
   * @return the files, in the same order
   * @throws IOException if no directory can be used or a resource is damaged; the message names
   *     every directory with the reason
   */
  public List<Path> unpack(String name, List<URL> resources) throws IOException {
    List<Checksum> sums = new ArrayList<>();
    StringBuilder key = new StringBuilder(name);
    for (URL resource : resources) {
      Checksum sum = Checksum.of(resource);
      sums.add(sum);
      key.append('-').append(String.format("%08x", sum.crc));
    }
    Path folder = Path.of("native", key.toString());
    List<String> problems = new ArrayList<>();
    String warning = null;
    for (CacheDirectory.Place place : places) {
      try {
        List<Path> files = unpack(place.directory().resolve(folder), resources, sums);
        warn(warning, place.directory());
        return files;
      } catch (ZipException e) {
        throw e; // the jar's fault, not the directory's
      } catch (IOException e) {
        String problem = place + " (" + CacheDirectory.reason(e) + ")";
        problems.add(problem);
        if (warning == null && (e instanceof UntrustedFileException || !place.source().isEmpty())) {
          warning = problem;
        }
      }
    }
    try {
      Path temporary = Files.createTempDirectory("cocoli-");
      temporary.toFile().deleteOnExit();
      List<Path> files = unpack(temporary, resources, sums);
      files.stream().map(Path::toFile).forEach(File::deleteOnExit);
      warn(warning, temporary);
      return files;
    } catch (IOException e) {
      throw new IOException("tried " + String.join(", ", problems), e);
    }
  }

  private static void warn(String problem, Path used) {
    if (problem != null) {
      System.getLogger(LibraryCache.class.getPackageName())
          .log(Level.WARNING, "The cache " + problem + " is not used, " + used + " is");
    }
  }

  private static List<Path> unpack(Path wanted, List<URL> resources, List<Checksum> sums)
      throws IOException {
    Path directory = FileTrust.directory(CacheDirectory.make(wanted));
    List<Path> files = new ArrayList<>();
    for (int i = 0; i < resources.size(); i++) {
      String path = resources.get(i).getPath();
      Path file = directory.resolve(path.substring(path.lastIndexOf('/') + 1));
      if (!isIntact(file, sums.get(i))) {
        replace(file, resources.get(i), sums.get(i));
      }
      files.add(file);
    }
    return files;
  }

  private static boolean isIntact(Path file, Checksum sum) throws IOException {
    try {
      FileTrust.file(file);
      return Files.size(file) == sum.byteSize && Checksum.crcOf(file) == sum.crc;
    } catch (UntrustedFileException | NoSuchFileException e) {
      return false;
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
          throw new ZipException("damaged in the class path: " + resource);
        }
        channel.force(true);
      }
      // a temporary file is readable by its owner only, but root may fill a cache for others
      PosixFileAttributeView view =
          Files.getFileAttributeView(partial, PosixFileAttributeView.class);
      if (view != null) {
        view.setPermissions(PosixFilePermissions.fromString("rw-r--r--"));
      }
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

    /** Java computes it by the processor's own instruction, at the speed of memory. */
    static long crcOf(Path file) throws IOException {
      CRC32 crc = new CRC32();
      ByteBuffer buffer = ByteBuffer.allocateDirect(READ_BYTES);
      try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
        while (channel.read(buffer) >= 0) {
          crc.update(buffer.flip());
          buffer.clear();
        }
      }
      return crc.getValue();
    }
  }
}

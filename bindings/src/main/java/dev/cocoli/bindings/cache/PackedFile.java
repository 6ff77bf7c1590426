package dev.cocoli.bindings.cache;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
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
import java.util.jar.JarEntry;
import java.util.zip.CRC32;
import java.util.zip.CheckedInputStream;
import java.util.zip.ZipException;

/**
 * A file in a jar, and what its copy in the cache has to be.
 *
 * @param resource the file
 * @param name the last part of its path
 * @param crc its CRC-32
 * @param byteSize its size
 */
record PackedFile(URL resource, String name, long crc, long byteSize) {
  /** The end of the names of files that are being written. */
  static final String PARTIAL = ".partial";

  private static final int READ_BYTES = 1 << 18;

  /**
   * Reads the checksum from the jar's directory, without reading the file; a file outside a jar is
   * read.
   */
  static PackedFile of(URL resource) throws IOException {
    String path = resource.getPath();
    String name = path.substring(path.lastIndexOf('/') + 1);
    URLConnection connection = resource.openConnection();
    if (connection instanceof JarURLConnection jar) {
      jar.setUseCaches(false);
      try (var file = jar.getJarFile()) {
        JarEntry entry = file.getJarEntry(jar.getEntryName());
        if (entry != null && entry.getCrc() != -1 && entry.getSize() != -1) {
          return new PackedFile(resource, name, entry.getCrc(), entry.getSize());
        }
      }
    }
    try (CheckedInputStream in = new CheckedInputStream(open(resource), new CRC32())) {
      long byteSize = in.transferTo(OutputStream.nullOutputStream());
      return new PackedFile(resource, name, in.getChecksum().getValue(), byteSize);
    }
  }

  /** Returns whether a copy has the right bytes, and only this user and root can change it. */
  boolean isIntact(Path file) throws IOException {
    try {
      FileTrust.file(file);
      return Files.size(file) == byteSize && crcOf(file) == crc;
    } catch (UntrustedFileException | NoSuchFileException e) {
      return false;
    }
  }

  /**
   * Writes a new copy beside the old one and renames it, so that a process that has mapped the old
   * one keeps it.
   *
   * @throws ZipException if the jar is damaged
   */
  void writeTo(Path file) throws IOException {
    Path partial = Files.createTempFile(file.getParent(), name, PARTIAL);
    try {
      try (CheckedInputStream in = new CheckedInputStream(open(resource), new CRC32());
          FileChannel channel = FileChannel.open(partial, StandardOpenOption.WRITE)) {
        OutputStream out = Channels.newOutputStream(channel);
        long written = in.transferTo(out);
        if (written != byteSize || in.getChecksum().getValue() != crc) {
          throw new ZipException("other bytes than its directory says");
        }
        channel.force(true);
      } catch (ZipException e) {
        ZipException named = new ZipException("damaged in the class path: " + resource);
        named.initCause(e);
        throw named;
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

  /** Java computes it by the processor's own instruction, at the speed of memory. */
  private static long crcOf(Path file) throws IOException {
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

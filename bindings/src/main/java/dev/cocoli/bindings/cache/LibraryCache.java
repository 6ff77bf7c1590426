package dev.cocoli.bindings.cache;

import java.io.File;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.net.URL;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
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
  /** From this size on, a line in the log says what takes the time and the room. */
  private static final long LARGE_BYTES = 100_000_000;

  private static final double MEGABYTE = 1e6;

  private final List<CacheDirectory.Place> places;
  private final FreeSpace freeSpace;

  /** Returns how many bytes can be written to a directory. */
  interface FreeSpace {
    long of(Path directory) throws IOException;
  }

  LibraryCache(List<CacheDirectory.Place> places, FreeSpace freeSpace) {
    this.places = places;
    this.freeSpace = freeSpace;
  }

  /**
   * Returns the cache of this process, in the first directory of {@link CacheDirectory} that can be
   * used, at worst in a temporary one that is deleted when the process ends.
   *
   * @return the cache
   */
  public static LibraryCache ofProcess() {
    return new LibraryCache(
        CacheDirectory.places(), directory -> Files.getFileStore(directory).getUsableSpace());
  }

  /**
   * Unpacks resources into one directory, so that the libraries find each other, and checks files
   * that exist already. If one cannot be written, none of them is left there.
   *
   * @param name the first part of the directory's name
   * @param resources the files, each named by the last part of its path
   * @return the files, in the same order
   * @throws IOException if no directory can be used or has room, or a resource is damaged; the
   *     message names every directory with the reason
   */
  public List<Path> unpack(String name, List<URL> resources) throws IOException {
    List<PackedFile> packed = new ArrayList<>();
    StringBuilder key = new StringBuilder(name);
    for (URL resource : resources) {
      PackedFile file = PackedFile.of(resource);
      packed.add(file);
      key.append('-').append(String.format("%08x", file.crc()));
    }
    Path folder = Path.of("native", key.toString());
    List<String> problems = new ArrayList<>();
    String warning = null;
    for (CacheDirectory.Place place : places) {
      try {
        Path directory =
            FileTrust.directory(CacheDirectory.make(place.directory().resolve(folder)));
        fill(directory, packed);
        warn(warning, place.directory());
        return paths(directory, packed);
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
    Path temporary = null;
    try {
      temporary = Files.createTempDirectory("cocoli-").toRealPath();
      temporary.toFile().deleteOnExit();
      write(temporary, packed);
      List<Path> files = paths(temporary, packed);
      files.stream().map(Path::toFile).forEach(File::deleteOnExit);
      warn(warning, temporary);
      return files;
    } catch (IOException e) {
      if (temporary != null) {
        problems.add(temporary + " (" + CacheDirectory.reason(e) + ")");
        Files.deleteIfExists(temporary);
      }
      throw new IOException("tried " + String.join(", ", problems), e);
    }
  }

  private static void warn(String problem, Path used) {
    if (problem != null) {
      log(Level.WARNING, "The cache " + problem + " is not used, " + used + " is");
    }
  }

  private static void log(Level level, String text) {
    System.getLogger(LibraryCache.class.getPackageName()).log(level, text);
  }

  private static List<Path> paths(Path directory, List<PackedFile> files) {
    return files.stream().map(file -> directory.resolve(file.name())).toList();
  }

  /** Makes every file of a directory what it has to be. */
  private void fill(Path directory, List<PackedFile> files) throws IOException {
    if (CheckedFiles.cover(directory, files)) {
      return;
    }
    if (!broken(directory, files).isEmpty()) {
      try (UnpackLock lock = UnpackLock.of(directory)) {
        if (lock.isHeld()) {
          deletePartial(directory);
        }
        // what another process has written meanwhile is intact
        write(directory, broken(directory, files));
      }
    }
    CheckedFiles.record(directory, files);
  }

  private static List<PackedFile> broken(Path directory, List<PackedFile> files)
      throws IOException {
    List<PackedFile> broken = new ArrayList<>();
    for (PackedFile file : files) {
      if (!file.isIntact(directory.resolve(file.name()))) {
        broken.add(file);
      }
    }
    return broken;
  }

  /** Deletes what a process that was killed has left. */
  private static void deletePartial(Path directory) throws IOException {
    try (DirectoryStream<Path> partial =
        Files.newDirectoryStream(directory, "*" + PackedFile.PARTIAL)) {
      for (Path file : partial) {
        Files.deleteIfExists(file);
      }
    }
  }

  /** Writes files, all of them or none. */
  private void write(Path directory, List<PackedFile> files) throws IOException {
    long bytes = files.stream().mapToLong(PackedFile::byteSize).sum();
    long free = freeSpace.of(directory);
    if (free < bytes) {
      throw new IOException(
          "it needs " + megabytes(bytes) + " MB, and " + megabytes(free) + " MB are free");
    }
    if (bytes >= LARGE_BYTES) {
      log(
          Level.INFO,
          "Unpacking libraries of "
              + megabytes(bytes)
              + " MB into "
              + directory
              + ", for this start and all later ones");
    }
    List<Path> written = new ArrayList<>();
    boolean complete = false;
    try {
      for (PackedFile file : files) {
        Path copy = directory.resolve(file.name());
        file.writeTo(copy);
        written.add(copy);
      }
      complete = true;
    } finally {
      if (!complete) {
        for (Path copy : written) {
          Files.deleteIfExists(copy);
        }
      }
    }
  }

  private static long megabytes(long bytes) {
    return Math.round(bytes / MEGABYTE);
  }
}

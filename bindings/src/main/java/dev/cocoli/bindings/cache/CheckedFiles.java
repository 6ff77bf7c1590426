package dev.cocoli.bindings.cache;

import java.io.IOException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A record of the files of a directory whose checksums were right, so that gigabytes are not read
 * again at every start. A file is the same as long as its inode, its size and the time of its last
 * change are: the system sets that time at every write, and no program can set it back.
 */
final class CheckedFiles {
  /** The record's name in the directory. */
  static final String NAME = "checked";

  /** Two changes within a tick of the clock have the same time, so a record is made later. */
  private static final Duration TICK = Duration.ofSeconds(1);

  private static final boolean UNIX =
      FileSystems.getDefault().supportedFileAttributeViews().contains("unix");

  private CheckedFiles() {}

  /** Returns whether the directory's record is of these files as they are now. */
  static boolean cover(Path directory, List<PackedFile> files) throws IOException {
    Path record = directory.resolve(NAME);
    if (!UNIX || !Files.exists(record)) {
      return false;
    }
    try {
      FileTrust.file(record);
      for (PackedFile file : files) {
        FileTrust.file(directory.resolve(file.name()));
      }
      return Files.readString(record).equals(String.join("\n", lines(directory, files)));
    } catch (IOException e) {
      return false; // then they are read
    }
  }

  /** Makes the record of files whose checksums are right, if it can be. */
  static void record(Path directory, List<PackedFile> files) {
    if (!UNIX || !Files.isWritable(directory)) {
      return;
    }
    try {
      Path partial = Files.createTempFile(directory, NAME, PackedFile.PARTIAL);
      try {
        FileTime now = Files.getLastModifiedTime(partial);
        for (PackedFile file : files) {
          FileTime changed =
              (FileTime) Files.getAttribute(directory.resolve(file.name()), "unix:ctime");
          if (changed.toInstant().plus(TICK).isAfter(now.toInstant())) {
            return;
          }
        }
        Files.writeString(partial, String.join("\n", lines(directory, files)));
        // root may fill a cache for others
        Files.setPosixFilePermissions(partial, PosixFilePermissions.fromString("rw-r--r--"));
        Files.move(
            partial,
            directory.resolve(NAME),
            StandardCopyOption.ATOMIC_MOVE,
            StandardCopyOption.REPLACE_EXISTING);
      } finally {
        Files.deleteIfExists(partial);
      }
    } catch (IOException e) {
      return; // the next start reads the files again
    }
  }

  private static List<String> lines(Path directory, List<PackedFile> files) throws IOException {
    List<String> lines = new ArrayList<>();
    for (PackedFile file : files) {
      Map<String, Object> now =
          Files.readAttributes(
              directory.resolve(file.name()), "unix:ino,size,ctime", LinkOption.NOFOLLOW_LINKS);
      lines.add(
          String.format(
              "%s %08x %d, inode %s, %d bytes, changed %s",
              file.name(),
              file.crc(),
              file.byteSize(),
              now.get("ino"),
              now.get("size"),
              now.get("ctime")));
    }
    return lines;
  }
}

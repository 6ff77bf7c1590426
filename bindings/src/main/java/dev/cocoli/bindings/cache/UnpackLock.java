package dev.cocoli.bindings.cache;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Lets one process unpack at a time, so that the ranks of a job that start together do not all
 * write the same gigabyte. The system releases the lock of a process that has died.
 */
final class UnpackLock implements AutoCloseable {
  /** The name of the file that is locked, beside the directories that are unpacked into. */
  static final String NAME = "lock";

  private static final long POLL_MILLIS = 20;

  private final FileChannel channel;
  private final FileLock lock;

  private UnpackLock(FileChannel channel, FileLock lock) {
    this.channel = channel;
    this.lock = lock;
  }

  /**
   * Waits for the lock.
   *
   * @param directory the directory that is to be unpacked into
   */
  static UnpackLock of(Path directory) throws IOException {
    FileChannel channel =
        FileChannel.open(
            directory.resolveSibling(NAME), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    try {
      return new UnpackLock(channel, lock(channel));
    } catch (IOException e) {
      channel.close();
      throw e;
    }
  }

  private static FileLock lock(FileChannel channel) throws IOException {
    while (true) {
      try {
        return channel.lock();
      } catch (OverlappingFileLockException e) {
        pause(); // a thread of this process has it, perhaps of another class loader
      } catch (ClosedChannelException e) {
        throw e; // interrupted
      } catch (IOException e) {
        return null; // a file system without locks: then each process writes its own copy
      }
    }
  }

  private static void pause() throws IOException {
    try {
      Thread.sleep(POLL_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted while another thread unpacks");
    }
  }

  /** Returns whether nobody else unpacks; false on a file system without locks. */
  boolean isHeld() {
    return lock != null;
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}

package dev.cocoli.bindings.cache;

import dev.cocoli.bindings.access.NativeAccess;
import java.io.IOException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Map;

/**
 * Checks that nobody but this user and root can change a file or replace it: owner and mode of the
 * file and of every directory above it. On a system without Unix' owners nothing is checked.
 */
final class FileTrust {
  private static final int OTHERS = 077;
  private static final int OTHERS_WRITE = 022;
  private static final int STICKY = 01000;
  private static final int TYPE = 0170000;
  private static final int TYPE_FILE = 0100000;
  private static final int TYPE_DIRECTORY = 0040000;

  private static final boolean UNIX =
      FileSystems.getDefault().supportedFileAttributeViews().contains("unix");

  private FileTrust() {}

  /**
   * Checks a directory and those above it. Below a directory that only this user can enter, the
   * modes do not matter. In one with the sticky bit, like {@code /tmp}, others can only add names.
   *
   * @return the directory without symbolic links: the path that was checked
   * @throws UntrustedFileException if others can change something
   */
  static Path directory(Path directory) throws IOException {
    Path real = directory.toRealPath();
    if (!UNIX) {
      return real;
    }
    boolean closed = false;
    Path at = real.getRoot();
    for (int i = 0; i <= real.getNameCount(); i++) {
      Entry entry = Entry.of(at);
      if (entry.type() != TYPE_DIRECTORY) {
        throw new UntrustedFileException(at, "is no directory");
      }
      entry.requireOwner(at);
      boolean sticky = (entry.mode & STICKY) != 0 && i < real.getNameCount();
      if (!closed && !sticky && (entry.mode & OTHERS_WRITE) != 0) {
        throw new UntrustedFileException(at, "can be written by other users");
      }
      closed |= entry.uid == user() && (entry.mode & OTHERS) == 0;
      if (i < real.getNameCount()) {
        at = at.resolve(real.getName(i));
      }
    }
    return real;
  }

  /**
   * Checks a file in a directory that was checked.
   *
   * @throws UntrustedFileException if it is no regular file, or others can change it
   */
  static void file(Path file) throws IOException {
    if (UNIX) {
      Entry entry = Entry.of(file);
      if (entry.type() != TYPE_FILE) {
        throw new UntrustedFileException(file, "is no regular file");
      }
      entry.requireOwner(file);
      if ((entry.mode & OTHERS_WRITE) != 0) {
        throw new UntrustedFileException(file, "can be written by other users");
      }
    }
  }

  /** The number of the user whose rights this process has; 0 where there are no such numbers. */
  static int user() {
    return User.ID;
  }

  /** The owner and mode of a file that is no link's target. */
  private record Entry(int uid, int mode) {
    static Entry of(Path path) throws IOException {
      Map<String, Object> read =
          Files.readAttributes(path, "unix:uid,mode", LinkOption.NOFOLLOW_LINKS);
      return new Entry((int) read.get("uid"), (int) read.get("mode"));
    }

    int type() {
      return mode & TYPE;
    }

    void requireOwner(Path path) throws UntrustedFileException {
      if (uid != 0 && uid != user()) {
        throw new UntrustedFileException(path, "belongs to the user " + uid);
      }
    }
  }

  /** Asked once: the name of a user may be missing, the number is not. */
  private static final class User {
    static final int ID = UNIX ? ask() : 0;

    private static int ask() {
      MethodHandle geteuid =
          NativeAccess.function("geteuid", FunctionDescriptor.of(ValueLayout.JAVA_INT));
      try {
        return (int) geteuid.invokeExact();
      } catch (RuntimeException | Error e) {
        throw e;
      } catch (Throwable e) {
        throw new AssertionError("a downcall throws nothing else", e);
      }
    }
  }
}

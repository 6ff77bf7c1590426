package dev.cocoli.bindings;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Owns an object of a native library, such as a stream, a descriptor or a plan, and destroys it
 * when it is closed. A second close does nothing.
 */
public final class NativeHandle implements AutoCloseable {
  private final Destroyer destroyer;
  private MemorySegment pointer;

  /** A C function {@code create(T*)} that creates an object and returns a status. */
  @FunctionalInterface
  public interface Creator {
    /**
     * Creates the object.
     *
     * @param out the memory that the object's pointer is written to
     * @return the library's status
     */
    int create(MemorySegment out);
  }

  /** Destroys an object and checks the status. */
  @FunctionalInterface
  public interface Destroyer {
    /**
     * Destroys the object.
     *
     * @param pointer the pointer that the creator wrote
     */
    void destroy(MemorySegment pointer);
  }

  /** Checks a library's status, for example {@code CudnnStatus::check}. */
  @FunctionalInterface
  public interface Check {
    /**
     * Throws an exception if the call failed.
     *
     * @param call the C function that was called
     * @param status its return value
     * @throws NativeException if the status is not success
     */
    void check(String call, int status);
  }

  private NativeHandle(MemorySegment pointer, Destroyer destroyer) {
    this.pointer = pointer;
    this.destroyer = destroyer;
  }

  /**
   * Creates an object.
   *
   * @param check checks the status
   * @param call the name of the C function, for the message
   * @param creator the C function
   * @param destroyer destroys the object
   * @return the object, to be closed by the caller
   * @throws NativeException if the creator fails
   */
  public static NativeHandle create(
      Check check, String call, Creator creator, Destroyer destroyer) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.ADDRESS);
      check.check(call, creator.create(out));
      return new NativeHandle(out.get(ValueLayout.ADDRESS, 0), destroyer);
    }
  }

  /**
   * Returns the object's pointer, to pass to the library.
   *
   * @return its pointer
   * @throws IllegalStateException if it is closed
   */
  public MemorySegment pointer() {
    if (pointer == null) {
      throw new IllegalStateException("This native object is closed");
    }
    return pointer;
  }

  /** Destroys the object, once. */
  @Override
  public void close() {
    if (pointer != null) {
      MemorySegment last = pointer;
      pointer = null;
      destroyer.destroy(last);
    }
  }
}

package dev.cocoli.bindings;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * An object that a native library made and must destroy: a stream, a descriptor, a plan. Closing it
 * twice destroys it once.
 */
public final class NativeHandle implements AutoCloseable {
  private final Destroyer destroyer;
  private MemorySegment pointer;

  /** A C function with one pointer that returns a status: {@code create(T*)}. */
  @FunctionalInterface
  public interface Creator {
    /**
     * Makes the object.
     *
     * @param out where its pointer is written
     * @return the library's status
     */
    int create(MemorySegment out);
  }

  /** What destroys the object, and checks that it went well. */
  @FunctionalInterface
  public interface Destroyer {
    /**
     * Destroys the object.
     *
     * @param pointer what the creator wrote
     */
    void destroy(MemorySegment pointer);
  }

  /** How a library's statuses are checked, for example {@code CudnnStatus::check}. */
  @FunctionalInterface
  public interface Check {
    /**
     * Does nothing when the call succeeded.
     *
     * @param call the C function that was called
     * @param status what it returned
     * @throws NativeException when the status is not success
     */
    void check(String call, int status);
  }

  private NativeHandle(MemorySegment pointer, Destroyer destroyer) {
    this.pointer = pointer;
    this.destroyer = destroyer;
  }

  /**
   * Makes an object.
   *
   * @param check checks the status
   * @param call the name of the C function, for the message
   * @param creator the C function
   * @param destroyer what destroys it
   * @return the object, which its owner closes
   * @throws NativeException when the library refuses
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
   * The object, for the library's calls.
   *
   * @return its pointer
   * @throws IllegalStateException when it is closed
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

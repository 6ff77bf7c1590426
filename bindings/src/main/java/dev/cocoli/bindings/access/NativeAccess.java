package dev.cocoli.bindings.access;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * Calls Java's restricted methods for the engine. Java asks whether the module of the caller may
 * access native code; because the caller is this module, an application names no other in {@code
 * --enable-native-access}.
 */
public final class NativeAccess {
  private NativeAccess() {}

  /**
   * Returns a function of the C library.
   *
   * @param name its name
   * @param type its result and arguments
   * @return a handle for {@link MethodHandle#invokeExact}
   * @throws java.util.NoSuchElementException if the C library has no such function
   */
  public static MethodHandle function(String name, FunctionDescriptor type) {
    Linker linker = Linker.nativeLinker();
    return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), type);
  }

  /**
   * Returns the memory at a pointer. Nothing checks that it is there.
   *
   * @param pointer its address
   * @param byteSize its size in bytes
   * @return a segment that any thread may use and that never becomes invalid
   */
  public static MemorySegment sized(MemorySegment pointer, long byteSize) {
    return pointer.reinterpret(byteSize);
  }

  /**
   * Returns the memory at a pointer as a segment of an arena. Nothing checks that it is there.
   *
   * @param pointer its address
   * @param byteSize its size in bytes
   * @param arena the arena; every use of the segment after its close is an exception
   * @return the segment
   */
  public static MemorySegment sized(MemorySegment pointer, long byteSize, Arena arena) {
    return pointer.reinterpret(byteSize, arena, null);
  }
}

package dev.cocoli.data.image;

import dev.cocoli.bindings.access.NativeAccess;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Calls the C library's malloc and free. One thread allocates an image and another frees it,
 * thousands of times. A shared arena would stop every thread at each close, and an automatic one
 * would leave the memory to the garbage collector. Nobody can read the addresses returned here:
 * {@link Image} gives them a size and an arena for each use.
 */
final class OffHeap {

  private static final MethodHandle MALLOC =
      NativeAccess.function(
          "malloc", FunctionDescriptor.of(ValueLayout.ADDRESS, ValueLayout.JAVA_LONG));
  private static final MethodHandle FREE =
      NativeAccess.function("free", FunctionDescriptor.ofVoid(ValueLayout.ADDRESS));
  private static final AtomicLong ALLOCATED = new AtomicLong();

  private OffHeap() {}

  /** Returns the address of uninitialised memory, which must be passed to {@link #free} once. */
  static MemorySegment allocate(long byteSize) {
    MemorySegment address;
    try {
      address = (MemorySegment) MALLOC.invokeExact(byteSize);
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
    if (address.equals(MemorySegment.NULL)) {
      throw new OutOfMemoryError("no " + byteSize + " bytes of native memory for an image");
    }
    ALLOCATED.addAndGet(byteSize);
    return address;
  }

  static void free(MemorySegment address, long byteSize) {
    ALLOCATED.addAndGet(-byteSize);
    try {
      FREE.invokeExact(address);
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  static long allocatedByteSize() {
    return ALLOCATED.get();
  }
}

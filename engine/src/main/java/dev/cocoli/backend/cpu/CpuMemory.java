package dev.cocoli.backend.cpu;

import dev.cocoli.backend.DeviceMemoryException;
import dev.cocoli.bindings.access.NativeAccess;
import dev.cocoli.tensor.Buffer;
import dev.cocoli.tensor.Device;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Zeroed memory of the host, in whole cache lines. Large pieces are mapped, so that pages come into
 * being when they are first touched and go back to the system when they are freed, and ask for huge
 * pages, which saves page faults and address translation.
 */
final class CpuMemory {
  /** A cache line, and what oneDNN loads fastest from. */
  private static final long ALIGNMENT_BYTES = 64;

  /** From here on memory is mapped; below it the C library is less wasteful. */
  private static final long MAPPED_BYTES = 1L << 20;

  /** The size of a huge page on x86-64 and on most of arm64. */
  private static final long HUGE_PAGE_BYTES = 2L << 20;

  // from Linux' mman.h, the same on x86-64 and arm64
  private static final int PROT_READ_WRITE = 3;
  private static final int MAP_PRIVATE_ANONYMOUS = 0x22;
  private static final int MADV_HUGEPAGE = 14;

  private static final boolean LINUX =
      System.getProperty("os.name").toLowerCase(Locale.ROOT).startsWith("linux");

  private static final MethodHandle CALLOC =
      function(
          "calloc",
          FunctionDescriptor.of(ValueLayout.ADDRESS, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG));
  private static final MethodHandle FREE =
      function("free", FunctionDescriptor.ofVoid(ValueLayout.ADDRESS));
  private static final MethodHandle MMAP =
      LINUX
          ? function(
              "mmap",
              FunctionDescriptor.of(
                  ValueLayout.ADDRESS,
                  ValueLayout.ADDRESS,
                  ValueLayout.JAVA_LONG,
                  ValueLayout.JAVA_INT,
                  ValueLayout.JAVA_INT,
                  ValueLayout.JAVA_INT,
                  ValueLayout.JAVA_LONG))
          : null;
  private static final MethodHandle MUNMAP =
      LINUX
          ? function(
              "munmap",
              FunctionDescriptor.of(
                  ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_LONG))
          : null;
  private static final MethodHandle MADVISE =
      LINUX
          ? function(
              "madvise",
              FunctionDescriptor.of(
                  ValueLayout.JAVA_INT,
                  ValueLayout.ADDRESS,
                  ValueLayout.JAVA_LONG,
                  ValueLayout.JAVA_INT))
          : null;

  private final ReentrantLock calls;
  private final AtomicLong liveBuffers = new AtomicLong();
  private final AtomicLong liveBytes = new AtomicLong();

  /**
   * Holds no memory yet.
   *
   * @param calls held while a native library uses memory; freeing waits for it
   */
  CpuMemory(ReentrantLock calls) {
    this.calls = calls;
  }

  /**
   * {@return zeroed memory; closing it frees it}
   *
   * @param byteSize its size
   * @throws DeviceMemoryException if the system has no more
   */
  Buffer allocate(long byteSize) {
    if (byteSize < 0) {
      throw new IllegalArgumentException("a buffer of " + byteSize + " bytes");
    }
    boolean mapped = LINUX && byteSize >= MAPPED_BYTES;
    // an arena makes a use after the release an exception instead of a crash
    Arena arena = Arena.ofShared();
    MemorySegment raw;
    long rawBytes;
    if (mapped) {
      rawBytes = byteSize + HUGE_PAGE_BYTES;
      raw = map(rawBytes);
    } else {
      rawBytes = byteSize + ALIGNMENT_BYTES;
      raw = calloc(rawBytes);
    }
    if (raw.address() == 0) {
      arena.close();
      throw new DeviceMemoryException(
          ("out of memory: the system does not give %s bytes beside the %s bytes held; use"
                  + " smaller images or a smaller batch")
              .formatted(byteSize, liveBytes.get()));
    }
    long alignment = mapped ? HUGE_PAGE_BYTES : ALIGNMENT_BYTES;
    long start = -raw.address() & (alignment - 1);
    if (mapped) {
      adviseHugePages(MemorySegment.ofAddress(raw.address() + start), byteSize);
    }
    MemorySegment segment =
        NativeAccess.sized(MemorySegment.ofAddress(raw.address() + start), byteSize, arena);
    liveBuffers.incrementAndGet();
    liveBytes.addAndGet(byteSize);
    return new Buffer(
        Device.CPU,
        segment,
        () -> {
          calls.lock();
          try {
            arena.close();
            liveBuffers.decrementAndGet();
            liveBytes.addAndGet(-byteSize);
            if (mapped) {
              unmap(raw, rawBytes);
            } else {
              free(raw);
            }
          } finally {
            calls.unlock();
          }
        });
  }

  /** {@return how many buffers are out} */
  long liveBuffers() {
    return liveBuffers.get();
  }

  private static MethodHandle function(String name, FunctionDescriptor descriptor) {
    return NativeAccess.function(name, descriptor);
  }

  private static MemorySegment calloc(long byteSize) {
    try {
      return (MemorySegment) CALLOC.invokeExact(1L, byteSize);
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  private static void free(MemorySegment memory) {
    try {
      FREE.invokeExact(memory);
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  private static MemorySegment map(long byteSize) {
    try {
      MemorySegment memory =
          (MemorySegment)
              MMAP.invokeExact(
                  MemorySegment.NULL, byteSize, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0L);
      return memory.address() == -1 ? MemorySegment.NULL : memory; // -1 is MAP_FAILED
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  private static void unmap(MemorySegment memory, long byteSize) {
    int status;
    try {
      status = (int) MUNMAP.invokeExact(memory, byteSize);
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
    if (status != 0) {
      throw new IllegalStateException("munmap of " + byteSize + " bytes failed");
    }
  }

  private static void adviseHugePages(MemorySegment memory, long byteSize) {
    try {
      // a system without huge pages refuses, and loses nothing but speed
      int ignored = (int) MADVISE.invokeExact(memory, byteSize, MADV_HUGEPAGE);
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }
}

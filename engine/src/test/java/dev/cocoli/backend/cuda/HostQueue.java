package dev.cocoli.backend.cuda;

import dev.cocoli.backend.cuda.kernels.DeviceQueue;
import dev.cocoli.backend.cuda.kernels.Grid;
import dev.cocoli.backend.cuda.kernels.Kernel;
import dev.cocoli.tensor.Buffer;
import dev.cocoli.tensor.Device;
import java.lang.foreign.AddressLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Runs the kernels on the host, each to its end before the call returns. */
final class HostQueue implements DeviceQueue {
  /** Few, so that a thread's loop over pieces has several rounds even in a small test. */
  private static final int RESIDENT_BLOCKS = 3;

  /** The runtime has one set of fibers for the whole process. */
  private static final Object LOCK = new Object();

  private static final MemorySegment ZEROS =
      MemorySegment.ofArray(new byte[COUNTERS * Integer.BYTES]);

  private static final AddressLayout TEXT =
      ValueLayout.ADDRESS.withTargetLayout(
          MemoryLayout.sequenceLayout(Long.MAX_VALUE, ValueLayout.JAVA_BYTE));

  private final Arena arena = Arena.ofShared();
  private final MethodHandle launch;
  private final MethodHandle kernelCount;
  private final MethodHandle kernelName;
  private final MethodHandle allocate;
  private final MethodHandle free;
  private final MethodHandle seed;
  private final Map<String, MemorySegment> names = new HashMap<>();
  private final Map<String, Integer> launches = new HashMap<>();
  private final Buffer counters;

  HostQueue(Path library) {
    // the library stays loaded: the fibers' stacks outlive a queue
    SymbolLookup symbols = SymbolLookup.libraryLookup(library, Arena.global());
    Linker linker = Linker.nativeLinker();
    launch =
        linker.downcallHandle(
            symbols.findOrThrow("cocoli_launch"),
            FunctionDescriptor.of(
                TEXT,
                ValueLayout.ADDRESS,
                ValueLayout.JAVA_INT,
                ValueLayout.JAVA_INT,
                ValueLayout.JAVA_INT,
                ValueLayout.JAVA_INT,
                ValueLayout.JAVA_INT,
                ValueLayout.ADDRESS,
                ValueLayout.JAVA_LONG));
    kernelCount =
        linker.downcallHandle(
            symbols.findOrThrow("cocoli_kernel_count"),
            FunctionDescriptor.of(ValueLayout.JAVA_INT));
    kernelName =
        linker.downcallHandle(
            symbols.findOrThrow("cocoli_kernel_name"),
            FunctionDescriptor.of(TEXT, ValueLayout.JAVA_INT));
    allocate =
        linker.downcallHandle(
            symbols.findOrThrow("cocoli_allocate"),
            FunctionDescriptor.of(ValueLayout.ADDRESS, ValueLayout.JAVA_LONG));
    free =
        linker.downcallHandle(
            symbols.findOrThrow("cocoli_free"), FunctionDescriptor.ofVoid(ValueLayout.ADDRESS));
    seed =
        linker.downcallHandle(
            symbols.findOrThrow("cocoli_seed"), FunctionDescriptor.ofVoid(ValueLayout.JAVA_LONG));
    counters = allocate((long) COUNTERS * Integer.BYTES);
  }

  /**
   * Returns memory of the kernels' library, zeroed, no byte more than asked for where the address
   * sanitizer looks.
   */
  Buffer allocate(long byteSize) {
    try {
      MemorySegment memory = (MemorySegment) allocate.invokeExact(byteSize);
      if (memory.address() == 0) {
        throw new OutOfMemoryError("no " + byteSize + " bytes");
      }
      return new Buffer(
          new Device(Device.Kind.CUDA, 0), memory.reinterpret(byteSize), () -> free(memory));
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  private void free(MemorySegment memory) {
    try {
      free.invokeExact(memory);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** Decides the order in which threads run from now on. */
  void seed(long value) {
    try {
      synchronized (LOCK) {
        seed.invokeExact(value);
      }
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** Returns how often a kernel was launched. */
  int launches(String kernel) {
    return launches.getOrDefault(kernel, 0);
  }

  /** Returns the names of all kernels. */
  List<String> kernelNames() {
    try {
      List<String> found = new ArrayList<>();
      int count = (int) kernelCount.invokeExact();
      for (int i = 0; i < count; i++) {
        found.add(((MemorySegment) kernelName.invokeExact(i)).getString(0));
      }
      return found;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void launch(Kernel kernel, Grid grid, MemorySegment arguments) {
    launches.merge(kernel.name(), 1, Integer::sum);
    MemorySegment name = names.computeIfAbsent(kernel.name(), arena::allocateFrom);
    String error;
    try {
      synchronized (LOCK) {
        MemorySegment text =
            (MemorySegment)
                launch.invokeExact(
                    name,
                    (int) grid.x(),
                    (int) grid.y(),
                    (int) grid.z(),
                    grid.threads(),
                    grid.sharedBytes(),
                    arguments,
                    arguments.byteSize());
        error = text.address() == 0 ? null : text.getString(0);
      }
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
    if (error == null && counters.segment().mismatch(ZEROS) != -1) {
      error = "it leaves counters that are not 0";
    }
    if (error != null) {
      throw new IllegalStateException(kernel.file() + ".cu: " + kernel.name() + ": " + error);
    }
  }

  @Override
  public void zero(MemorySegment memory) {
    memory.fill((byte) 0);
  }

  @Override
  public void copy(MemorySegment from, MemorySegment to) {
    to.copyFrom(from);
  }

  @Override
  public MemorySegment counters() {
    return counters.segment();
  }

  @Override
  public int residentBlocks() {
    return RESIDENT_BLOCKS;
  }

  void close() {
    counters.close();
    arena.close();
  }
}

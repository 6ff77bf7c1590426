package dev.cocoli.bindings;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.OptionalInt;

/**
 * Asks NVIDIA's driver for the newest CUDA release that it runs, before a CUDA runtime is chosen.
 * The driver belongs to the machine and is not searched for.
 */
final class CudaDriver {
  private CudaDriver() {}

  /** The newest CUDA release that the driver runs, 13000 for 13.0; empty without a driver. */
  static OptionalInt newestCuda() {
    SymbolLookup driver;
    try {
      driver = SymbolLookup.libraryLookup("libcuda.so.1", Arena.global());
    } catch (IllegalArgumentException e) {
      return OptionalInt.empty();
    }
    MethodHandle getVersion =
        Linker.nativeLinker()
            .downcallHandle(
                driver.findOrThrow("cuDriverGetVersion"),
                FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment version = arena.allocate(ValueLayout.JAVA_INT);
      int code = (int) getVersion.invokeExact(version);
      return code == 0 ? OptionalInt.of(version.get(ValueLayout.JAVA_INT, 0)) : OptionalInt.empty();
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError("a downcall throws nothing else", e);
    }
  }
}

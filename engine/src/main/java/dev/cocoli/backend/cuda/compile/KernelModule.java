package dev.cocoli.backend.cuda.compile;

import static dev.cocoli.bindings.cudart.CudaRuntime.*;

import dev.cocoli.bindings.NativeHandle;
import dev.cocoli.bindings.status.CudaStatus;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** One file of kernels on the device. */
final class KernelModule implements AutoCloseable {
  private final String name;
  private final NativeHandle library;

  private KernelModule(String name, NativeHandle library) {
    this.name = name;
    this.library = library;
  }

  /**
   * Loads compiled kernels.
   *
   * @param name the file's name, for messages
   * @param image machine code, or intermediate code with the zero at its end
   */
  static KernelModule load(String name, byte[] image) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment code = arena.allocateFrom(ValueLayout.JAVA_BYTE, image);
      MemorySegment none = MemorySegment.NULL;
      return new KernelModule(
          name,
          NativeHandle.create(
              CudaStatus::check,
              "cudaLibraryLoadData of " + name,
              out -> cudaLibraryLoadData(out, code, none, none, 0, none, none, 0),
              pointer -> CudaStatus.check("cudaLibraryUnload", cudaLibraryUnload(pointer))));
    }
  }

  /** Returns a kernel by its name; launches take it where they take functions. */
  MemorySegment function(String kernel) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.ADDRESS);
      CudaStatus.check(
          "cudaLibraryGetKernel of " + kernel + " in " + name,
          cudaLibraryGetKernel(out, library.pointer(), arena.allocateFrom(kernel)));
      return out.get(ValueLayout.ADDRESS, 0);
    }
  }

  @Override
  public void close() {
    library.close();
  }
}

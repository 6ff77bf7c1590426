package dev.cocoli.backend.cuda;

import dev.cocoli.bindings.NvidiaLibraries;
import dev.cocoli.bindings.access.LoadedLibraries;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * NVIDIA's libraries by a stand-in that does on the host what they are asked for ({@code
 * fake_gpu.h}). It must be alone in its process: a driver that is none would lead the true
 * libraries astray.
 */
final class FakeGpu {
  private static final String FOLDER = "/dev/cocoli/cuda/fake/";
  private static final List<String> FILES =
      List.of(
          "build.sh",
          "fake_gpu.h",
          "fake_runtime.h",
          "fake_runtime.cpp",
          "fake_streams.cpp",
          "fake_memory.cpp",
          "fake_kernels.cpp",
          "fake_cublas.cpp",
          "fake_cudnn.cpp");
  private static final List<String> ALLOW_LISTS =
      List.of("cudart.txt", "cublas.txt", "nvrtc.txt", "cudnn.txt");

  private FakeGpu() {}

  /**
   * Compiles the stand-in, under the names of all the libraries, if it is not compiled yet.
   *
   * @param compiler a C++ compiler
   * @return the folder of the libraries
   */
  static Path libraries(String compiler) throws IOException {
    SortedMap<String, byte[]> sources = new TreeMap<>();
    for (String file : FILES) {
      sources.put(file, read(FakeGpu.class, FOLDER + file));
    }
    for (String list : ALLOW_LISTS) {
      sources.put(list, read(NvidiaLibraries.class, list));
    }
    List<String> command = List.of("sh", "build.sh", compiler, "-O2");
    return CompiledOnce.folder(sources, command, folder -> build(command, folder));
  }

  private static void build(List<String> command, Path folder) throws IOException {
    Process process =
        new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true).start();
    String log = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    try {
      if (process.waitFor() != 0) {
        throw new IllegalStateException("the fake GPU does not compile:\n" + log);
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }

  private static byte[] read(Class<?> owner, String resource) throws IOException {
    try (InputStream in = owner.getResourceAsStream(resource)) {
      return in.readAllBytes();
    }
  }

  /** In the process of the stand-in: says where the kernels are that were compiled for the host. */
  static void useKernels(Path library) {
    call("fake_kernels", FunctionDescriptor.ofVoid(ValueLayout.ADDRESS), library.toString());
  }

  /** Lets a kernel fail while it runs. */
  static void letFail(String kernel) {
    call("fake_failing_kernel", FunctionDescriptor.ofVoid(ValueLayout.ADDRESS), kernel);
  }

  /** Lets threads take turns as after the last such call. */
  static void seed() {
    call("fake_seed", FunctionDescriptor.ofVoid(), (String) null);
  }

  /**
   * {@return how often something was done}
   *
   * @param what captures, instantiations or launches of graphs, calls that queue work, or the
   *     launches of a kernel
   */
  static long count(String what) {
    FunctionDescriptor type = FunctionDescriptor.of(ValueLayout.JAVA_LONG, ValueLayout.ADDRESS);
    return (long) call("fake_graph_count", type, what);
  }

  /** Forgets the failure. */
  static void recover() {
    call("fake_recover", FunctionDescriptor.ofVoid(), (String) null);
  }

  /** {@return how many allocations were refused} */
  static long refusedAllocations() {
    return (long)
        call(
            "fake_refused_allocations",
            FunctionDescriptor.of(ValueLayout.JAVA_LONG),
            (String) null);
  }

  /** {@return the bytes of the allocation that begins at an address; 0 if none does} */
  static long allocationBytes(MemorySegment memory) {
    FunctionDescriptor type = FunctionDescriptor.of(ValueLayout.JAVA_LONG, ValueLayout.ADDRESS);
    return (long) call("fake_allocation_bytes", type, memory);
  }

  /** {@return what was made and not destroyed; empty if all was} */
  static String live() {
    MemorySegment text =
        (MemorySegment)
            call("fake_live", FunctionDescriptor.of(ValueLayout.ADDRESS), (String) null);
    return text.reinterpret(Long.MAX_VALUE).getString(0);
  }

  private static Object call(String name, FunctionDescriptor type, String argument) {
    return call(name, type, argument == null ? null : Arena.global().allocateFrom(argument));
  }

  private static Object call(String name, FunctionDescriptor type, MemorySegment argument) {
    MethodHandle handle =
        Linker.nativeLinker().downcallHandle(LoadedLibraries.lookup().findOrThrow(name), type);
    try {
      return argument == null ? handle.invokeWithArguments() : handle.invokeWithArguments(argument);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }
}

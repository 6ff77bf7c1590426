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
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * NVIDIA's libraries by a stand-in that does on the host what they are asked for ({@code
 * fake_gpu.h}). It must be alone in its process: a driver that is none would lead the true
 * libraries astray.
 */
final class FakeGpu {
  private static final String FOLDER = "/dev/cocoli/cuda/fake/";
  private static final List<String> FILES =
      List.of("build.sh", "fake_gpu.h", "fake_runtime.cpp", "fake_cublas.cpp", "fake_cudnn.cpp");
  private static final List<String> ALLOW_LISTS =
      List.of("cudart.txt", "cublas.txt", "nvrtc.txt", "cudnn.txt");

  private FakeGpu() {}

  /**
   * Compiles the stand-in, under the names of all the libraries.
   *
   * @param compiler a C++ compiler
   * @param folder where they are to lie
   */
  static void build(String compiler, Path folder) throws IOException, InterruptedException {
    for (String file : FILES) {
      copy(FakeGpu.class, FOLDER + file, folder.resolve(file));
    }
    for (String list : ALLOW_LISTS) {
      copy(NvidiaLibraries.class, list, folder.resolve(list));
    }
    Process process =
        new ProcessBuilder("sh", folder.resolve("build.sh").toString(), compiler, "-O2")
            .redirectErrorStream(true)
            .start();
    String log = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (process.waitFor() != 0) {
      throw new IllegalStateException("the fake GPU does not compile:\n" + log);
    }
  }

  private static void copy(Class<?> owner, String resource, Path file) throws IOException {
    try (InputStream in = owner.getResourceAsStream(resource)) {
      Files.copy(in, file);
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

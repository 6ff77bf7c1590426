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
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * NVIDIA's libraries by a stand-in that does on the host what they are asked for ({@code
 * fake_gpu.h}). It must be alone in its process: a driver that is none would lead the true
 * libraries astray.
 */
final class FakeGpu {
  private static final String FOLDER = "/dev/cocoli/cuda/fake/";
  private static final String HEADER = "fake_gpu.h";
  private static final List<String> UNITS =
      List.of("fake_runtime.cpp", "fake_cublas.cpp", "fake_cudnn.cpp");
  private static final List<String> NAMES =
      List.of(
          "libcuda.so.1",
          "libcudart.so.13",
          "libcublas.so.13",
          "libcublasLt.so.13",
          "libnvrtc.so.13",
          "libnvrtc-builtins.so.13.0",
          "libcudnn.so.9");

  private FakeGpu() {}

  /**
   * Compiles the stand-in, under the names of all the libraries.
   *
   * @param compiler a C++ compiler
   * @param folder where they are to lie
   */
  static void build(String compiler, Path folder) throws IOException, InterruptedException {
    StringBuilder sources = new StringBuilder();
    Files.write(folder.resolve(HEADER), resource(FOLDER + HEADER));
    for (String unit : UNITS) {
      byte[] text = resource(FOLDER + unit);
      Files.write(folder.resolve(unit), text);
      sources.append(new String(text, StandardCharsets.UTF_8));
    }
    // what is bound but never called must be there all the same
    StringBuilder rest = new StringBuilder("#include \"fake_gpu.h\"\n");
    for (String name : missing(sources.toString())) {
      rest.append("FAKE(void, ").append(name).append(", ()) { fail(\"not faked: ");
      rest.append(name).append("\"); }\n");
    }
    Files.writeString(folder.resolve("rest.cpp"), rest);
    List<String> command = new ArrayList<>(List.of(compiler, "-std=c++17", "-O2", "-Wall"));
    command.addAll(List.of("-fPIC", "-shared", "-o", NAMES.getFirst(), "rest.cpp"));
    command.addAll(UNITS);
    command.add("-ldl");
    Process process =
        new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true).start();
    String log = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (process.waitFor() != 0) {
      throw new IllegalStateException("the fake GPU does not compile:\n" + log);
    }
    // one file under many names is loaded once: they share what they know
    for (String name : NAMES.subList(1, NAMES.size())) {
      Files.createSymbolicLink(folder.resolve(name), Path.of(NAMES.getFirst()));
    }
  }

  private static Set<String> missing(String sources) throws IOException {
    Set<String> names = new TreeSet<>();
    for (String library : List.of("cudart", "cublas", "nvrtc", "cudnn")) {
      String list =
          new String(
              NvidiaLibraries.class.getResourceAsStream(library + ".txt").readAllBytes(),
              StandardCharsets.UTF_8);
      Matcher wanted = Pattern.compile("(?m)^--include-function (\\w+)").matcher(list);
      while (wanted.find()) {
        names.add(wanted.group(1));
      }
    }
    Matcher there = Pattern.compile("(?m)^FAKE\\([^,]+, (\\w+),").matcher(sources);
    while (there.find()) {
      names.remove(there.group(1));
    }
    return names;
  }

  private static byte[] resource(String name) throws IOException {
    try (InputStream in = FakeGpu.class.getResourceAsStream(name)) {
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
   * @param what captures, instantiations or launches of graphs, or calls that queue work
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

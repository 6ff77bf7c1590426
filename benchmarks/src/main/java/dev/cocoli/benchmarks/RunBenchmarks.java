package dev.cocoli.benchmarks;

import dev.cocoli.bindings.NativeLibraryException;
import dev.cocoli.bindings.NvidiaLibraries;
import dev.cocoli.bindings.NvidiaLibrary;
import dev.cocoli.bindings.cudart.CudaRuntime;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Runs JMH's command line with defaults for this project: results are written as JSON, allocations
 * and native memory are reported, and benchmarks that cannot run on this machine are left out with
 * name and reason.
 */
final class RunBenchmarks {
  private RunBenchmarks() {}

  /**
   * Runs the benchmarks.
   *
   * @param arguments JMH's options
   * @throws IOException if results cannot be written
   */
  public static void main(String[] arguments) throws IOException {
    List<String> all = new ArrayList<>(List.of(arguments));
    boolean runs = Stream.of("-h", "-l", "-lp", "-lprof", "-lrf").noneMatch(all::contains);
    if (runs) {
      all.addAll(defaults(all));
      missingGpu()
          .ifPresent(
              reason -> {
                System.out.println("# skipped: CudaCallBenchmark: " + reason);
                all.addAll(List.of("-e", "CudaCallBenchmark"));
              });
    }
    org.openjdk.jmh.Main.main(all.toArray(String[]::new));
  }

  /** {@return the default options that are not given} */
  static List<String> defaults(List<String> given) {
    List<String> defaults = new ArrayList<>();
    if (!given.contains("-prof")) {
      defaults.addAll(List.of("-prof", "gc", "-prof", NativeMemoryProfiler.class.getName()));
    }
    if (!given.contains("-jvmArgs")) {
      // the JVM options of ./cocoli
      defaults.addAll(
          List.of("-jvmArgs", "--enable-native-access=ALL-UNNAMED -XX:+UseSerialGC -Xmx3g"));
    }
    if (!given.contains("-foe")) {
      defaults.addAll(List.of("-foe", "true"));
    }
    if (!given.contains("-rf")) {
      defaults.addAll(List.of("-rf", "json"));
      if (!given.contains("-rff")) {
        defaults.addAll(List.of("-rff", "jmh.json"));
      }
    }
    return defaults;
  }

  /** {@return the reason why the CUDA runtime cannot be called here; empty if it can} */
  static Optional<String> missingGpu() {
    try {
      NvidiaLibraries.load(NvidiaLibrary.CUDA_RUNTIME);
    } catch (NativeLibraryException e) {
      return Optional.of(e.getMessage().lines().findFirst().orElse("no CUDA runtime"));
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment count = arena.allocate(ValueLayout.JAVA_INT);
      int status = CudaRuntime.cudaGetDeviceCount(count);
      if (status != CudaRuntime.cudaSuccess() || count.get(ValueLayout.JAVA_INT, 0) == 0) {
        return Optional.of("the CUDA runtime finds no GPU (status " + status + ")");
      }
      return Optional.empty();
    }
  }
}

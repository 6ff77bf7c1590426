package dev.cocoli.benchmarks.roofline;

import dev.cocoli.bindings.NvidiaLibraries;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * NVIDIA's libraries by the stand-in of the engine's tests, which here counts calls and does
 * nothing else. It must be alone in its process.
 */
final class StandIn implements AutoCloseable {
  private static final String SOURCES = "/dev/cocoli/cuda/fake/";
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

  private final Path folder;

  private StandIn(Path folder) {
    this.folder = folder;
  }

  /** {@return the C++ compiler, if there is one: that of CXX, or g++, or clang++} */
  static Optional<String> compiler() {
    return Stream.of(Optional.ofNullable(System.getenv("CXX")).orElse("g++"), "g++", "clang++")
        .filter(StandIn::runs)
        .findFirst();
  }

  private static boolean runs(String compiler) {
    try {
      return new ProcessBuilder(compiler, "--version")
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start()
              .waitFor()
          == 0;
    } catch (IOException e) {
      return false;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  /**
   * Compiles the stand-in into a temporary folder.
   *
   * @throws RooflineException if there is no C++ compiler, or it refuses
   */
  static StandIn build() throws IOException {
    String compiler =
        compiler()
            .orElseThrow(() -> new RooflineException("needs a C++ compiler (g++, clang++ or CXX)"));
    StandIn standIn = new StandIn(Files.createTempDirectory("cocoli-roofline"));
    try {
      for (String file : FILES) {
        standIn.copy(StandIn.class, SOURCES + file, file);
      }
      for (String list : ALLOW_LISTS) {
        standIn.copy(NvidiaLibraries.class, list, list);
      }
      standIn.await(
          new ProcessBuilder("sh", standIn.folder.resolve("build.sh").toString(), compiler, "-O0"),
          "the stand-in for NVIDIA's libraries does not compile");
      return standIn;
    } catch (IOException | RuntimeException e) {
      standIn.close();
      throw e;
    }
  }

  private void copy(Class<?> owner, String resource, String name) throws IOException {
    try (InputStream in = owner.getResourceAsStream(resource)) {
      Files.copy(in, folder.resolve(name));
    }
  }

  /**
   * Runs work in a process of its own.
   *
   * @return the calls of its last runs, a line each, every run ended by {@link
   *     CountedRun#END_OF_RUN}
   */
  List<String> run(Card card, Workload work) throws IOException {
    Path calls = folder.resolve("calls");
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        List.of(
            "--enable-native-access=ALL-UNNAMED",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Dcocoli.cache=" + folder.resolve("cache"),
            "-Dcocoli.library.path=" + folder,
            "-cp",
            System.getProperty("java.class.path"),
            CountedRun.class.getName(),
            calls.toString(),
            card.toString()));
    command.addAll(work.words());
    ProcessBuilder builder = new ProcessBuilder(command);
    // where the driver is looked for
    builder.environment().put("LD_LIBRARY_PATH", folder.toString());
    // the real ones, of which some would be taken for what the stand-in lacks
    builder.environment().keySet().removeAll(List.of("VIRTUAL_ENV", "COCOLI_LIBRARY_PATH"));
    await(builder, "the counted run failed");
    return Files.readAllLines(calls);
  }

  private void await(ProcessBuilder builder, String failure) throws IOException {
    Path log = folder.resolve("log");
    Process process = builder.redirectErrorStream(true).redirectOutput(log.toFile()).start();
    try {
      if (process.waitFor() != 0) {
        String said = Files.readString(log, StandardCharsets.UTF_8).strip();
        throw new RooflineException(failure + ": " + said);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new RooflineException("interrupted", e);
    } finally {
      process.destroyForcibly();
    }
  }

  /** Deletes the folder. */
  @Override
  public void close() throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}

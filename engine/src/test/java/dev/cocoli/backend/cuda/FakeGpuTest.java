package dev.cocoli.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.testing.Compilers;
import dev.cocoli.testing.Nvidia;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The whole CUDA backend without a GPU: every call that it makes goes to a stand-in for NVIDIA's
 * libraries, in a process of its own, and the contract holds. The kernels are ours, compiled for
 * the host; convolutions and products are computed from the descriptors that the stand-in is given.
 */
@Tag("slow")
class FakeGpuTest {
  private static final long MINUTES = 10;
  private static final String DETERMINISTIC = "-Dcocoli.cuda.deterministic=true";
  private static final String EXACT = "-Dcocoli.cuda.exact=true";

  @TempDir private static Path folder;
  private static Path libraries;
  private static Path kernels;

  @BeforeAll
  static void build() throws Exception {
    Optional<String> compiler = Compilers.cpp();
    if (compiler.isEmpty()) {
      Nvidia.skip("the fake GPU: there is no C++ compiler (g++, clang++ or CXX)");
    }
    libraries = FakeGpu.libraries(compiler.orElseThrow());
    kernels = HostKernels.library(compiler.orElseThrow(), HostKernels.Checks.NONE);
  }

  @Test
  void theContractHolds() throws Exception {
    List<String> everything = new ArrayList<>(contracts());
    List<String> training =
        List.of("dev.cocoli.train.GpuTrainingTest", "dev.cocoli.GpuDetectorTest");
    everything.addAll(training);
    List<String> products =
        new ArrayList<>(
            List.of(
                "dev.cocoli.backend.Bf16DenseContractTest",
                "dev.cocoli.backend.ConvolutionContractTest",
                "dev.cocoli.backend.LinearContractTest",
                "dev.cocoli.backend.WrittenContractTest"));
    products.addAll(training);
    List<String> chosen =
        List.of(
            "dev.cocoli.backend.ConvolutionContractTest",
            "dev.cocoli.backend.LinearContractTest",
            "dev.cocoli.backend.RoiAlignContractTest",
            "dev.cocoli.backend.RoiPoolContractTest");
    List<Callable<String>> runs =
        List.of(
            () -> run(FakeGpuRun.class, List.of(), everything),
            // TF32 is of products and convolutions alone; the stand-in refuses it where cublasLt
            // does, and the tolerances are those of fp32, which it keeps
            () -> run(FakeGpuRun.class, List.of("-Dcocoli.cuda.tf32=true"), products),
            // another choice of engines, algorithms and kernels; those that add in any order do so
            // in these
            () -> run(FakeGpuRun.class, List.of(DETERMINISTIC), chosen),
            // the stand-in knows where each tensor ends
            () -> run(FakeGpuRun.class, List.of(EXACT), chosen));
    try (ExecutorService two = Executors.newFixedThreadPool(2)) {
      for (Future<String> output : two.invokeAll(runs)) {
        print(output.get());
      }
    }
  }

  @Test
  void capturedRegionsComputeTheSame() throws Exception {
    Path scratch = Files.createDirectory(folder.resolve("graphs"));
    print(run(FakeGraphRun.class, List.of(), List.of(scratch.toString())));
  }

  private static void print(String output) {
    output.lines().filter(line -> line.startsWith("proved: ")).forEach(System.out::println);
  }

  private String run(Class<?> program, List<String> properties, List<String> arguments)
      throws Exception {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-Xmx1g"));
    command.addAll(List.of("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
    command.addAll(
        List.of(
            "-Dcocoli.test.device=cuda",
            "-Dcocoli.cache=" + folder.resolve("cache"),
            "-Dcocoli.library.path=" + libraries));
    command.addAll(properties);
    command.addAll(List.of("-cp", System.getProperty("java.class.path")));
    command.addAll(List.of(program.getName(), kernels.toString()));
    command.addAll(arguments);
    Path log = Files.createTempFile(folder, "log", ".txt");
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
    // where the driver is looked for
    builder.environment().put("LD_LIBRARY_PATH", libraries.toString());
    if (properties.contains(DETERMINISTIC) || properties.contains(EXACT)) {
      builder.environment().put("FAKE_CHANCE", "yes");
    }
    if (properties.contains(EXACT)) {
      // as a release or a device for which cuDNN compiles nothing
      builder.environment().put("FAKE_NO_FUSION", "yes");
    }
    // the real ones, of which some would be taken for what the stand-in lacks
    builder.environment().keySet().removeAll(List.of("VIRTUAL_ENV", "COCOLI_LIBRARY_PATH"));
    Process process = builder.start();
    boolean ended = process.waitFor(MINUTES, TimeUnit.MINUTES);
    process.destroyForcibly();
    String output = Files.readString(log, StandardCharsets.UTF_8);
    assertTrue(ended, "it did not end:\n" + output);
    assertEquals(0, process.exitValue(), output);
    return output;
  }

  /** The names of the contract's classes: all of a package whose names say so. */
  private static List<String> contracts() throws IOException {
    Path folder = Path.of("src/test/java/dev/cocoli/backend");
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> name.endsWith("ContractTest.java"))
          .sorted()
          .map(name -> "dev.cocoli.backend." + name.substring(0, name.length() - 5))
          .toList();
    }
  }
}

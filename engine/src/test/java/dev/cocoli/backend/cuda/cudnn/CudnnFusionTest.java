package dev.cocoli.backend.cuda.cudnn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.backend.Closing;
import dev.cocoli.backend.cuda.CudaSettings;
import dev.cocoli.backend.cuda.cudnn.ConvolutionShape.Direction;
import dev.cocoli.backend.cuda.cudnn.ConvolutionShape.Tail;
import dev.cocoli.backend.cuda.cudnn.CudnnGraphTest.Gpu;
import dev.cocoli.backend.spec.Activation;
import dev.cocoli.bindings.NvidiaLibraries;
import dev.cocoli.bindings.NvidiaLibrary;
import dev.cocoli.tensor.DType;
import dev.cocoli.testing.Nvidia;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * cuDNN fuses the sum and the mask of gradients into the convolution that completes them, on every
 * GPU that is described to it, and compiles that for an H100. It compiles only where a driver is
 * installed; on a machine without one, a process of its own gets one that says that there is no
 * GPU.
 */
@Tag("slow")
class CudnnFusionTest {
  private static final CudaSettings SETTINGS =
      new CudaSettings(false, false, false, 1L << 30, false, false, 20);

  /** The process with the driver. */
  static final class Run {
    private Run() {}

    public static void main(String[] arguments) {
      Nvidia.require(NvidiaLibrary.CUDNN);
      int fused = 0;
      for (Gpu gpu : Gpu.values()) {
        try (CudnnDescriptor properties = gpu.describe()) {
          CudnnTarget target = CudnnTarget.of(properties);
          for (ConvolutionShape shape : shapes()) {
            try (ConvolutionGraph graph = new ConvolutionGraph(shape, target)) {
              List<EngineConfig> engines =
                  EngineConfig.list(graph, target, EngineConfig.Source.HEURISTICS);
              check(engines.stream().anyMatch(e -> e.isAllowed(DType.BF16, SETTINGS)), gpu, shape);
              check(engines.stream().allMatch(EngineConfig::isCompiledAtRunTime), gpu, shape);
              Closing.all(engines);
              fused++;
            }
          }
        }
      }
      try (CudnnDescriptor properties = Gpu.H100.describe()) {
        CudnnTarget target = CudnnTarget.of(properties);
        try (ConvolutionGraph graph = new ConvolutionGraph(shapes().getFirst(), target)) {
          List<ConvolutionPlan> plans = FusedPlans.compile(graph, target, SETTINGS, 1);
          check(plans.size() == 1, Gpu.H100, graph.shape());
          Closing.all(plans);
        }
      }
      System.out.printf(
          "proved: cuDNN %s fuses masks into %d gradients for GPUs that are described%n",
          NvidiaLibraries.report(NvidiaLibrary.CUDNN).version().orElseThrow(), fused);
    }

    private static void check(boolean condition, Gpu gpu, ConvolutionShape shape) {
      if (!condition) {
        throw new IllegalStateException(gpu + " has no such engine for " + shape);
      }
    }

    /** Those of the blocks of ResNet-50: 1x1 with and without the shortcut's gradient, and 3x3. */
    private static List<ConvolutionShape> shapes() {
      return List.of(
          shape(1, 100, 168, 512, 128, true),
          shape(1, 100, 168, 128, 512, false),
          shape(3, 100, 168, 128, 128, false),
          shape(3, 25, 42, 512, 512, false));
    }

    private static ConvolutionShape shape(
        int kernel, long height, long width, long in, long out, boolean residual) {
      return new ConvolutionShape(
          Direction.BACKWARD_DATA,
          DType.BF16,
          kernel,
          1,
          kernel / 2,
          1,
          8,
          height,
          width,
          in,
          height,
          width,
          out,
          new Tail(false, residual, Activation.RELU),
          16);
    }
  }

  @TempDir private Path folder;

  @BeforeEach
  void load() {
    Nvidia.require(NvidiaLibrary.CUDNN, NvidiaLibrary.NVRTC);
  }

  @Test
  void masksAreFusedIntoGradients() throws Exception {
    Path source = folder.resolve("no_gpu.c");
    try (InputStream in = getClass().getResourceAsStream("/dev/cocoli/cuda/driver/no_gpu.c")) {
      Files.copy(in, source);
    }
    String driver = folder.resolve("libcuda.so.1").toString();
    try {
      finish(new ProcessBuilder("cc", "-shared", "-fPIC", "-o", driver, source.toString()));
    } catch (IOException e) {
      Nvidia.skip("what cuDNN fuses: there is no C compiler (cc)");
    }
    ProcessBuilder builder =
        new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "--enable-native-access=ALL-UNNAMED",
            "-Xmx1g",
            "-cp",
            System.getProperty("java.class.path"),
            Run.class.getName());
    String before = builder.environment().getOrDefault("LD_LIBRARY_PATH", "");
    builder.environment().put("LD_LIBRARY_PATH", folder + ":" + before);
    String said = finish(builder);
    assertTrue(said.contains("proved: "), said);
    said.lines().filter(line -> line.startsWith("proved: ")).forEach(System.out::println);
  }

  private static String finish(ProcessBuilder builder) throws Exception {
    Process process = builder.redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), said);
    return said;
  }
}

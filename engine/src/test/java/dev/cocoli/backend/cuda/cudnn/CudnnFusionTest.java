package dev.cocoli.backend.cuda.cudnn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.backend.Closing;
import dev.cocoli.backend.cuda.CudaSettings;
import dev.cocoli.backend.cuda.cudnn.ConvolutionShape.Direction;
import dev.cocoli.backend.cuda.cudnn.ConvolutionShape.Sums;
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
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * cuDNN fuses the sum and the mask of gradients into the convolution that completes them, and sums
 * by channel into either, on every GPU that is described to it, and compiles that for an H100. It
 * compiles only where a driver is installed; on a machine without one, a process of its own gets
 * one that says that there is no GPU.
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
        for (ConvolutionShape shape : compiled()) {
          try (ConvolutionGraph graph = new ConvolutionGraph(shape, target)) {
            List<ConvolutionPlan> plans = FusedPlans.compile(graph, target, SETTINGS, 1);
            check(plans.size() == 1, Gpu.H100, shape);
            Closing.all(plans);
          }
        }
      }
      System.out.printf(
          "proved: cuDNN %s fuses masks and sums into %d convolutions for GPUs that are"
              + " described%n",
          NvidiaLibraries.report(NvidiaLibrary.CUDNN).version().orElseThrow(), fused);
    }

    private static void check(boolean condition, Gpu gpu, ConvolutionShape shape) {
      if (!condition) {
        throw new IllegalStateException(gpu + " has no such engine for " + shape);
      }
    }

    /**
     * Those of the blocks of ResNet-50: 1x1 with and without the shortcut's gradient, and 3x3, with
     * what follows each.
     */
    private static List<ConvolutionShape> shapes() {
      List<ConvolutionShape> shapes = new ArrayList<>();
      for (Sums sums : List.of(Sums.NONE, Sums.BIAS, Sums.NORM)) {
        Tail masked = new Tail(false, false, Activation.RELU, sums);
        shapes.add(gradient(1, 512, 128, new Tail(false, true, Activation.RELU, sums)));
        shapes.add(gradient(1, 128, 512, masked));
        shapes.add(gradient(3, 128, 128, masked));
      }
      for (Sums sums : List.of(Sums.BIAS, Sums.NORM, Sums.MASKED_NORM)) {
        Tail plain = new Tail(false, false, Activation.NONE, sums);
        shapes.add(gradient(1, 128, 512, plain));
        shapes.add(gradient(3, 128, 128, plain));
        shapes.add(gradient(3, 128, 128, new Tail(false, true, Activation.NONE, sums)));
      }
      for (int stride = 1; stride <= 2; stride++) {
        shapes.add(forward(1, stride, 512, 128));
        shapes.add(forward(3, stride, 128, 128));
      }
      shapes.add(forward(7, 2, 3, 64));
      return shapes;
    }

    /** One of each kind. */
    private static List<ConvolutionShape> compiled() {
      return List.of(
          gradient(1, 512, 128, new Tail(false, true, Activation.RELU, Sums.NORM)),
          gradient(3, 128, 128, new Tail(false, false, Activation.NONE, Sums.MASKED_NORM)),
          forward(1, 1, 512, 128));
    }

    private static ConvolutionShape gradient(int kernel, long in, long out, Tail tail) {
      return shape(Direction.BACKWARD_DATA, kernel, 1, in, out, tail);
    }

    private static ConvolutionShape forward(int kernel, int stride, long in, long out) {
      Tail tail = new Tail(false, false, Activation.NONE, Sums.MOMENTS);
      return shape(Direction.FORWARD, kernel, stride, in, out, tail);
    }

    private static ConvolutionShape shape(
        Direction direction, int kernel, int stride, long in, long out, Tail tail) {
      return new ConvolutionShape(
          direction,
          DType.BF16,
          kernel,
          stride,
          kernel / 2,
          1,
          8,
          100,
          168,
          in,
          100 / stride,
          168 / stride,
          out,
          tail,
          in % 8 == 0 ? 16 : 2);
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

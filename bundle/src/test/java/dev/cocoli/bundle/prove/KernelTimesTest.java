package dev.cocoli.bundle.prove;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cocoli.benchmarks.ImageSize;
import dev.cocoli.nn.Norm;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class KernelTimesTest {
  private static final Set<String> OURS = Set.of("batch_norm_normalize_bf16_wide", "add_bf16");

  static final List<String> ROWS =
      List.of(
          "==PROF== Connected to process 4711 (/srv/cocoli/runtime/bin/java)",
          "==PROF== Profiling \"add_bf16\" - 0: 0%....50%....100% - 1 pass",
          "\"ID\",\"Process ID\",\"Process Name\",\"Host Name\",\"Kernel"
              + " Name\",\"Context\",\"Stream\",\"Block Size\",\"Grid"
              + " Size\",\"Device\",\"CC\",\"Section Name\",\"Metric Name\",\"Metric"
              + " Unit\",\"Metric Value\"",
          row("add_bf16", "us", "12.50"),
          row("add_bf16", "us", "7.50"),
          row("batch_norm_normalize_bf16_wide", "ns", "1,250,000"),
          row("sm90_xmma_fprop_implicit_gemm_bf16bf16_bf16f32_f32_nhwckrsc_nhwc", "us", "1,000.00"),
          row(
              "void cudnn::nhwcToFoldedNhwcKernel<__half, float, (bool)1>(int, \"\"a\"\")",
              "ms",
              "2"),
          row("nvjet_hsh_128x256_64x4_2x1_v_bz_coopA_bias_TNT", "us", "500"),
          row("void cublasLt::splitKreduce_kernel<(int)32, (int)16>(int)", "us", "n/a"),
          row("void at::native::elementwise<(int)1, x>(int)", "us", "1"));

  private static String row(String kernel, String unit, String value) {
    return "\"0\",\"4711\",\"java\",\"127.0.0.1\",\""
        + kernel
        + "\",\"1\",\"7\",\"(256, 1, 1)\",\"(16384, 1, 1)\",\"0\",\"9.0\","
        + "\"Command line profiler metrics\",\"gpu__time_duration.sum\",\""
        + unit
        + "\",\""
        + value
        + "\"";
  }

  @Test
  void addsUpByKernelAndByKindOfLibrary() {
    KernelTimes times = KernelTimes.read(ROWS, OURS);
    assertEquals(
        Set.of(
            "add_bf16",
            "batch_norm_normalize_bf16_wide",
            "convolution",
            "matmul",
            "at::native::elementwise"),
        times.kernels().keySet());
    assertEquals(2, times.kernels().get("add_bf16").launches());
    assertEquals(0.02, times.kernels().get("add_bf16").milliseconds(), 1e-9);
    assertEquals(1.25, times.kernels().get("batch_norm_normalize_bf16_wide").milliseconds(), 1e-9);
    assertEquals(3, times.kernels().get("convolution").milliseconds(), 1e-9);
    assertEquals(1, times.kernels().get("matmul").launches());
    assertEquals(7, times.total().launches());
    assertEquals(4.771, times.total().milliseconds(), 1e-9);
  }

  @Test
  void saysWhyNothingWasMeasured() {
    List<String> refused =
        List.of(
            "==PROF== Connected to process 4711",
            "==ERROR== ERR_NVGPUCTRPERM - The user does not have permission to access NVIDIA GPU"
                + " Performance Counters");
    Exception e =
        assertThrows(IllegalArgumentException.class, () -> KernelTimes.read(refused, OURS));
    assertTrue(e.getMessage().contains("ERR_NVGPUCTRPERM"), e.getMessage());
  }

  @Test
  void standsBesideWhatWasCounted() throws Exception {
    CountedStep counted =
        CountedStep.read(
            new ObjectMapper()
                .readTree(
                    """
                    {"launches": 9, "waits": 1, "bytes": 5, "flops": 6, "milliseconds": 4.5,
                     "kernels": {"add_bf16": {"launches": 3, "milliseconds": 0.015},
                                 "sgd_update": {"launches": 1, "milliseconds": 0.5}}}
                    """));
    String table = WhereStage.table(KernelTimes.read(ROWS, OURS), Optional.of(counted));
    List<String> lines = table.lines().map(line -> line.strip().replaceAll(" +", " ")).toList();
    assertEquals("convolution 3.000 2 - -", lines.get(1), table);
    assertTrue(lines.contains("add_bf16 0.020 2 0.015 3"), table);
    assertTrue(lines.contains("sgd_update - - 0.500 1"), table);
    assertEquals("all 4.771 7 4.500 9", lines.getLast(), table);
  }

  /** Without this nothing would stand beside a measured step. */
  @Test
  void findsWhatWasCounted() throws Exception {
    for (Norm.Type norm : List.of(Norm.Type.BATCH, Norm.Type.FROZEN)) {
      Workload work =
          new Workload(
              Workload.Task.TRAIN,
              8,
              Workload.Multiplication.BF16,
              norm,
              Workload.Graphs.OFF,
              "cuda",
              "fasterrcnn_resnet50_fpn",
              new ImageSize(800, 1344),
              Workload.Effort.ENOUGH);
      CountedStep counted = CountedStep.of(work).orElseThrow();
      assertTrue(counted.total().launches() > 100, counted.toString());
      assertTrue(counted.kernels().get("convolution").milliseconds() > 0, counted.toString());
      Set<String> ours = OurKernels.names();
      for (String name : counted.kernels().keySet()) {
        boolean isKind = Set.of("convolution", "matmul", "copy", "memset").contains(name);
        assertTrue(isKind || ours.contains(name), name);
      }
    }
  }

  /** The names that Java launches kernels by, as the sources of the engine have them. */
  @Test
  void knowsEveryKernel() throws Exception {
    SortedSet<String> names = OurKernels.names();
    assertTrue(names.contains("batch_norm_gradient_sums_masked_wide_bf16"), names.toString());
    assertTrue(names.contains("cast_f32_bf16"), names.toString());
    Pattern launched = Pattern.compile("(new Kernel|floats)\\(\\s*\\w+,\\s*\"(\\w+)\"\\)");
    Path sources = Path.of("../engine/src/main/java/dev/cocoli/backend/cuda");
    int kernels = 0;
    try (Stream<Path> files = Files.walk(sources)) {
      for (Path file : files.filter(path -> path.toString().endsWith(".java")).toList()) {
        for (MatchResult one : launched.matcher(Files.readString(file)).results().toList()) {
          String name = one.group(2) + (one.group(1).equals("floats") ? "_bf16" : "");
          assertTrue(names.contains(name), name + " of " + file + " is not in " + names);
          kernels++;
        }
      }
    }
    assertTrue(kernels > 50, kernels + " kernels");
  }
}

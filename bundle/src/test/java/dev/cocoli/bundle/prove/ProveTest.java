package dev.cocoli.bundle.prove;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cocoli.backend.Backends;
import dev.cocoli.backend.cuda.StandIn;
import dev.cocoli.benchmarks.ImageSize;
import dev.cocoli.bundle.Main;
import dev.cocoli.bundle.prove.samples.BreaksAKernel;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every stage, as the command line runs it: on the CPU, and on the stand-in for a GPU. */
@Tag("slow")
class ProveTest {
  private static final List<String> SMALL =
      List.of(
          "--model", "fasterrcnn_tiny_fpn",
          "--size", "64x96",
          "--batch", "1",
          "--warm-ups", "1",
          "--runs", "1",
          "--seconds", "300");

  /** The second compiler costs more here than it gains. */
  private static final Map<String, String> FAST_START =
      Map.of("COCOLI_JAVA_OPTS", "-XX:TieredStopAtLevel=1");

  @TempDir private static Path shared;
  private static Optional<Map<String, String>> built;

  @TempDir private Path folder;

  /** What a command printed, and its exit code. */
  private record Said(int code, String text) {
    /** The lines of the table at the end, with single spaces. */
    List<String> table() {
      return text.substring(text.lastIndexOf("\n\n"))
          .lines()
          .map(line -> line.strip().replaceAll(" +", " "))
          .filter(line -> !line.isEmpty())
          .toList();
    }
  }

  private Said prove(Map<String, String> environment, String... words) throws Exception {
    List<String> arguments = new ArrayList<>(List.of("prove"));
    arguments.addAll(List.of(words));
    arguments.addAll(SMALL);
    arguments.addAll(List.of("--out", folder.resolve("out").toString()));
    List<String> command = Launch.PLAIN.command(Main.class.getName(), arguments);
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().putAll(environment);
    Process process = builder.start();
    String text = new String(process.getInputStream().readAllBytes());
    return new Said(process.waitFor(), text);
  }

  private JsonNode json(String stage) throws IOException {
    return new ObjectMapper().readTree(folder.resolve("out").resolve(stage + ".json").toFile());
  }

  private Path script(String name, String text) throws IOException {
    Path tools = Files.createDirectories(folder.resolve("tools"));
    Path file = Files.writeString(tools.resolve(name), text);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    return file;
  }

  @Test
  void everyStageRunsOnTheCpu() throws Exception {
    Path none = Files.createDirectory(folder.resolve("none"));
    Path python = script("python", "#!/bin/sh\necho no module named torch\nexit 1\n");
    Said said =
        prove(
            FAST_START,
            "right",
            "fast",
            "where",
            "sanitize",
            "nccl",
            "bccd",
            none.toString(),
            "--device",
            "cpu",
            "--python",
            python.toString(),
            "--only",
            "RowsContract,train 1 fp32,BCCD in fp32,beside torchvision,all-reduce of 1 MiB");
    List<String> table = said.table();
    assertEquals(1, said.code(), said.text());
    assertTrue(table.get(0).startsWith("right doctor ok"), said.text());
    assertTrue(table.get(1).matches("right contract ok [\\d.]+ s \\d+ passed, .*"), said.text());
    assertTrue(
        table.stream().anyMatch(row -> row.startsWith("fast beside torchvision failed")),
        said.text());
    assertFalse(json("right").get("failed").asBoolean());
    JsonNode times = json("fast").get("findings");
    assertEquals("beside torchvision", times.get(0).get("check").asText());
    assertEquals("train 1 fp32", times.get(1).get("check").asText());
    assertTrue(times.get(1).get("figures").get("milliseconds").asDouble() > 0);
    assertTrue(table.contains("not proved: see what failed above"), said.text());
    assertTrue(
        table.stream().anyMatch(row -> row.startsWith("bccd BCCD in fp32 failed")), said.text());
    assertFalse(json("where").get("failed").asBoolean());
    assertFalse(json("sanitize").get("failed").asBoolean());
    JsonNode bus = json("nccl").get("findings").get(1);
    assertTrue(bus.get("figures").get("bus_gigabytes_per_second").asDouble() > 0);
  }

  /** The environment in which a process finds the stand-in, and the tools of this test. */
  private Map<String, String> standIn() throws Exception {
    if (built == null) {
      built = StandIn.build(shared);
    }
    Assumptions.assumeTrue(
        built.isPresent(), "the stand-in for a GPU needs a C++ compiler (g++, clang++ or CXX)");
    Map<String, String> environment = new HashMap<>(built.get());
    environment.putAll(FAST_START);
    environment.put("PATH", folder.resolve("tools") + ":" + System.getenv("PATH"));
    // no library of NVIDIA's own, of which one would be taken for what the stand-in lacks
    environment.put("VIRTUAL_ENV", folder.toString());
    environment.put("CONDA_PREFIX", folder.toString());
    return environment;
  }

  @Test
  void everyStageRunsOnTheStandIn() throws Exception {
    Map<String, String> environment = standIn();
    Files.writeString(
        Files.createDirectories(folder.resolve("tools")).resolve("rows.csv"),
        String.join("\n", KernelTimesTest.ROWS) + "\n");
    script("nvidia-smi", "#!/bin/sh\necho 'Stand-in, 580.1, 2048 MiB, 1 MHz'\n");
    String toJava = "while [ $# -gt 0 ]; do case $1 in */java) break ;; %s*) shift ;; esac; done\n";
    script(
        "ncu",
        "#!/bin/sh\n"
            + toJava.formatted("--log-file) cp \"${0%/*}/rows.csv\" \"$2\"; shift 2 ;; ")
            + "exec \"$@\"\n");
    script(
        "compute-sanitizer",
        "#!/bin/sh\necho \"$@\" >>\"${0%/*}/arguments\"\ntool=$2\n"
            + toJava.formatted("")
            + "echo '========= COMPUTE-SANITIZER'\n\"$@\"\ncode=$?\n"
            + "if [ $tool = memcheck ]; then echo '========= ERROR SUMMARY: 0 errors'; else\n"
            + "echo '========= Error: Race reported between Write access at nms_keys+0x90'\n"
            + "echo '========= RACECHECK SUMMARY: 1 hazard displayed (1 error, 0 warnings)'\nfi\n"
            + "exit $code\n");
    Said said =
        prove(
            environment,
            "right",
            "fast",
            "where",
            "sanitize",
            "nccl",
            "--only",
            "driver,RowsContract,train 1 bf16 frozen,detect 1 bf16 graphs");
    List<String> table = said.table();
    assertEquals(1, said.code(), said.text()); // a race, and no NCCL
    assertTrue(table.get(0).startsWith("right driver ok"), said.text());
    assertTrue(table.get(0).endsWith("Stand-in, 580.1, 2048 MiB, 1 MHz"), said.text());
    assertTrue(table.get(1).matches("right doctor ok .*driver for CUDA 13.*"), said.text());
    assertTrue(table.get(2).matches("right contract ok [\\d.]+ s \\d+ passed, .*"), said.text());
    assertTrue(table.get(3).startsWith("fast detect 1 bf16 graphs noted"), said.text());
    assertTrue(table.get(4).startsWith("where whole train 1 bf16 frozen noted"), said.text());
    assertTrue(table.get(5).startsWith("where profile of train 1 bf16 frozen ok"), said.text());
    assertTrue(table.get(6).startsWith("where kernels of train 1 bf16 frozen noted"), said.text());
    assertTrue(table.get(6).contains("4.77 ms of kernels in 7 launches"), said.text());
    assertTrue(table.stream().anyMatch(row -> row.matches("sanitize memcheck ok .*")), said.text());
    assertTrue(
        table.stream().anyMatch(row -> row.matches("sanitize racecheck failed .*nms_keys.*")),
        said.text());
    assertTrue(table.stream().anyMatch(row -> row.startsWith("nccl NCCL failed")), said.text());
    String arguments = Files.readString(folder.resolve("tools/arguments"));
    assertTrue(arguments.contains("--kernel-name kne=batch_norm_statistics_wide_f32"), arguments);
    assertTrue(arguments.contains("-Dcocoli.cuda.exact=true"), arguments);
    JsonNode kernels = json("where").get("findings").get(2).get("figures");
    assertEquals(3, kernels.get("convolution.milliseconds").asDouble(), 1e-9);
  }

  @Test
  void whatFailsOnAGpuRunsAgainAndNamesItsCall() throws Exception {
    Launch launch = Launch.PLAIN.in(standIn());
    StringWriter terminal = new StringWriter();
    Request request =
        new Request(
            Backends.device("cuda"),
            "fasterrcnn_tiny_fpn",
            new ImageSize(64, 96),
            List.of(1),
            Workload.Effort.ENOUGH,
            List.of(),
            Optional.empty(),
            folder);
    Check check =
        new Check("samples: Breaks", List.of("tests", "cuda", BreaksAKernel.class.getName()), 300);
    try (StageReport report =
        new StageReport("sample", 600, folder, new PrintWriter(terminal, true))) {
      RightStage.run(launch, List.of(check), request, report);
      List<List<String>> rows = report.rows();
      assertEquals(2, rows.size(), terminal.toString());
      assertEquals("failed", rows.get(0).get(2), terminal.toString());
      assertFalse(rows.get(0).getLast().contains("memory.cu"), terminal.toString());
      assertEquals("samples: Breaks, each call waited for", rows.get(1).get(1));
      assertEquals("noted", rows.get(1).get(2));
      assertTrue(rows.get(1).getLast().contains("fill (memory.cu)"), terminal.toString());
    }
  }
}

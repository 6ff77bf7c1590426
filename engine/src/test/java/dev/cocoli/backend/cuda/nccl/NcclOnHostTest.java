package dev.cocoli.backend.cuda.nccl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.bindings.NvidiaLibraries;
import dev.cocoli.testing.Compilers;
import dev.cocoli.testing.RankGroups;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * NCCL's communicator without a GPU: the contract with libraries that stand in for the CUDA runtime
 * and NCCL. They are compiled from dev/cocoli/nccl/host, run streams as threads, answer that calls
 * are in progress, hang where ranks are missing, and end the process on misuse. What they cannot
 * show is whether NVIDIA's libraries do the same.
 */
@Tag("slow")
class NcclOnHostTest {
  private static final String SOURCES = "/dev/cocoli/nccl/host/";

  @TempDir Path folder;

  @Test
  void keepsTheContract() throws Exception {
    Optional<String> compiler = Compilers.c();
    if (compiler.isEmpty() || !System.getProperty("os.name").equals("Linux")) {
      String reason = "NCCL's communicator on the host takes Linux and a C compiler (CC)";
      System.out.println("skipped: " + reason);
      Assumptions.abort(reason);
    }
    Files.writeString(folder.resolve("on_host.h"), source("on_host.h"));
    compile(compiler.get(), "cudart", "libcudart.so.13");
    compile(
        compiler.get(), "nccl", "libnccl.so.2", "-L.", "-l:libcudart.so.13", "-Wl,-rpath,$ORIGIN");

    ProcessBuilder java =
        new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "--enable-native-access=ALL-UNNAMED",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-D" + RankGroups.ONLY_NCCL + "=true",
            "-cp",
            System.getProperty("java.class.path"),
            NcclOnHost.class.getName());
    java.environment()
        .keySet()
        .removeIf(name -> name.startsWith("NCCL_") || name.equals("VIRTUAL_ENV"));
    java.environment()
        .putAll(
            Map.of("COCOLI_LIBRARY_PATH", folder.toString(), "NCCL_MULTI_RANK_GPU_ENABLE", "1"));
    String output = output(java, 0);
    String passed =
        output
            .lines()
            .filter(line -> line.startsWith(NcclOnHost.PASSED))
            .findFirst()
            .orElseThrow()
            .substring(NcclOnHost.PASSED.length());
    // four sizes of the contract, two of the faults
    assertTrue(Integer.parseInt(passed) >= 80, output);
  }

  private void compile(String compiler, String library, String file, String... flags)
      throws Exception {
    String source = source(library + "_on_host.c");
    Files.writeString(folder.resolve(library + ".c"), source + missing(library, source));
    List<String> command =
        new ArrayList<>(List.of(compiler, "-O1", "-shared", "-fPIC", "-pthread", "-o", file));
    command.addAll(List.of("-Wl,-soname," + file, library + ".c"));
    command.addAll(Arrays.asList(flags));
    output(new ProcessBuilder(command).directory(folder.toFile()), 0);
  }

  /** What the bindings look for, but these tests do not call. */
  private static String missing(String library, String source) throws IOException {
    StringBuilder functions = new StringBuilder();
    String list = text(NvidiaLibraries.class, library + ".txt");
    for (String line : list.lines().toList()) {
      String name = line.replace("--include-function", "").strip();
      if (line.startsWith("--include-function")
          && !Pattern.compile("\\b" + name + "\\(").matcher(source).find()) {
        functions.append("\nAPI int %1$s(void) { fatal(\"%1$s\"); return 1; }".formatted(name));
      }
    }
    return functions.append('\n').toString();
  }

  private static String source(String name) throws IOException {
    return text(NcclOnHostTest.class, SOURCES + name);
  }

  private static String text(Class<?> beside, String name) throws IOException {
    try (InputStream in = beside.getResourceAsStream(name)) {
      assertNotNull(in, name);
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private static String output(ProcessBuilder builder, int expectedCode) throws Exception {
    Process process = builder.redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(expectedCode, process.waitFor(), output);
    return output;
  }
}

package dev.cocoli.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.cocoli.testing.Compilers;
import dev.cocoli.testing.Nvidia;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The host compiles the lines that a GPU of compute capability 9.0 does, so that no branch on the
 * compute capability stays untried until there is one.
 */
@Tag("slow")
class HostBranchesTest {
  private static final Path KERNELS = Path.of("..", "native", "src", "main", "cuda");
  private static final Path HOST = Path.of("src/test/resources/dev/cocoli/cuda/host");

  /** The instruction that rounds to bf16, whose bits the host computes by hand. */
  private static final List<String> ROUNDING =
      List.of(
          "u16 bits;",
          "asm(\"cvt.rn.bf16.f32 %0, %1;\" : \"=h\"(bits) : \"f\"(x));",
          "return Bf16{bits};");

  @TempDir private Path folder;

  @Test
  void theHostTakesTheBranchesOfHopper() throws Exception {
    Optional<String> compiler = Compilers.cpp();
    if (compiler.isEmpty()) {
      Nvidia.skip("branches of the kernels: there is no C++ compiler");
    }
    Map<String, List<String>> differing = new TreeMap<>();
    try (Stream<Path> files = Files.list(KERNELS)) {
      for (Path file : files.filter(each -> each.toString().endsWith(".cu")).toList()) {
        List<String> onTheHost = lines(compiler.get(), file, List.of());
        List<String> onHopper = lines(compiler.get(), file, List.of("-D__CUDA_ARCH__=900"));
        onTheHost.forEach(onHopper::remove); // each as often as it stands there
        differing.put(file.getFileName().toString(), onHopper);
      }
    }
    assertFalse(differing.isEmpty());
    differing.forEach(
        (file, lines) -> assertEquals(ROUNDING, lines, file + ": the host does not compile these"));
  }

  /** The lines of our own files that a preprocessor leaves, each with the place where it stands. */
  private List<String> lines(String compiler, Path file, List<String> flags) throws Exception {
    Path unit = folder.resolve("unit.cpp");
    Files.writeString(
        unit, "#include \"cuda_on_host.h\"\n#include \"" + file.toRealPath() + "\"\n");
    List<String> command = new ArrayList<>(List.of(compiler, "-std=c++17", "-E"));
    command.addAll(flags);
    command.addAll(List.of("-I", HOST.toRealPath().toString(), unit.toString()));
    Path output = folder.resolve("output");
    Process process =
        new ProcessBuilder(command)
            .redirectOutput(output.toFile())
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    assertEquals(0, process.waitFor(), () -> String.join(" ", command));
    return ours(Files.readAllLines(output, StandardCharsets.UTF_8));
  }

  private static List<String> ours(List<String> output) throws IOException {
    String kernels = KERNELS.toRealPath().toString();
    List<String> lines = new ArrayList<>();
    boolean isOurs = false;
    for (String line : output) {
      if (line.startsWith("# ")) {
        isOurs = line.contains(kernels);
      } else if (isOurs && !line.isBlank()) {
        lines.add(line.strip());
      }
    }
    return lines;
  }
}

package dev.cocoli.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.abort;

import dev.cocoli.testing.Compilers;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The contract suite on the CUDA kernels, compiled for the host with the address and the undefined
 * behaviour sanitizer. These have to be in a process from its start, so the suite runs in one of
 * its own.
 */
@Tag("slow")
class SanitizerTest {
  /** Follows the number of tests in the process's last line. */
  static final String HELD = " tests of the contract hold under sanitizers";

  private static final Pattern LAST_LINE = Pattern.compile("(\\d+)" + HELD);
  private static final int MINUTES = 10;
  private static final byte[] ELF = {0x7F, 'E', 'L', 'F'};

  /** The JVM handles its own signals, and frees little at its end. */
  private static final String ASAN_OPTIONS =
      "handle_segv=0:handle_sigbus=0:handle_sigfpe=0:handle_sigill=0:handle_abort=0"
          + ":detect_leaks=0:use_sigaltstack=0:exitcode=99";

  @Test
  void theContractHoldsUnderSanitizers() throws Exception {
    Run run = fork(SanitizedContract.class);
    Matcher line = LAST_LINE.matcher(run.output);
    assertTrue(run.exit == 0 && line.find(), run::output);
    assertTrue(Integer.parseInt(line.group(1)) > 0, run::output);
    System.out.println("proved: " + line.group() + ", CUDA kernels on the host");
  }

  /** What the sanitizers are there for; each ends the process. */
  @ParameterizedTest
  @CsvSource({
    "beyond_the_end, heap-buffer-overflow",
    "beyond_shared_memory, heap-buffer-overflow",
    "not_aligned, misaligned address"
  })
  void aMistakeIsSeen(String kernel, String message) throws Exception {
    Run run = fork(SanitizedMistake.class, kernel);
    assertTrue(run.output.contains(message), run::output);
    assertTrue(run.output.contains("mistakes.cu"), run::output);
    assertNotEquals(0, run.exit);
  }

  private record Run(int exit, String output) {}

  /** Runs a main method with the sanitizers, or skips the test and says why. */
  private static Run fork(Class<?> main, String... arguments) throws Exception {
    String compiler = Compilers.cpp().orElseGet(() -> skip("there is no C++ compiler"));
    Path runtime = runtime(compiler);
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-Djava.awt.headless=true",
                "-Xmx1g",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-D" + CudaOnHost.SANITIZE + "=true",
                "-cp",
                System.getProperty("java.class.path"),
                main.getName()));
    command.addAll(List.of(arguments));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().put("LD_PRELOAD", runtime.toString());
    builder.environment().put("ASAN_OPTIONS", ASAN_OPTIONS);
    builder.environment().put("UBSAN_OPTIONS", "print_stacktrace=1");
    Path log = Files.createTempFile("sanitizers", ".log");
    try {
      Process process = builder.redirectOutput(log.toFile()).start();
      if (!process.waitFor(MINUTES, TimeUnit.MINUTES)) {
        process.destroyForcibly().waitFor();
      }
      return new Run(process.exitValue(), Files.readString(log));
    } finally {
      Files.delete(log);
    }
  }

  /** Returns the address sanitizer's library of a compiler. */
  private static Path runtime(String compiler) throws Exception {
    if (output(compiler, "--version").contains("clang")) {
      skip("they are prepared for g++, and the compiler is " + compiler);
    }
    Path library = Path.of(output(compiler, "-print-file-name=libasan.so").strip());
    if (!library.isAbsolute() || !Files.exists(library)) {
      skip(compiler + " has no libasan.so");
    }
    byte[] head;
    try (InputStream in = Files.newInputStream(library)) {
      head = in.readNBytes(ELF.length);
    }
    if (!Arrays.equals(head, ELF)) {
      skip(library + " is a linker script");
    }
    return library;
  }

  private static String output(String... command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), output);
    return output;
  }

  private static <T> T skip(String why) {
    System.out.println("skipped: sanitizers on the CUDA kernels on the host: " + why);
    return abort(why);
  }
}

package dev.cocoli.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import javax.tools.Diagnostic;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Modular programs compile and run against the modules that were built, and see the API only. */
@Tag("slow")
class ModulePathTest {
  private static final int TIMEOUT_SECONDS = 300;

  private static final String DESCRIPTOR =
      """
      module app {
        requires dev.cocoli;
        requires dev.cocoli.report;
      }
      """;

  /** Loads oneDNN, draws, and reads the kernels as the library does. */
  private static final String PROGRAM =
      """
      package app;

      import dev.cocoli.backend.Backend;
      import dev.cocoli.backend.Backends;
      import dev.cocoli.report.DetectionPainter;
      import dev.cocoli.tensor.Device;
      import java.awt.image.BufferedImage;
      import java.lang.reflect.Method;
      import java.util.List;

      public final class Main {
        public static void main(String[] args) throws Exception {
          try (Backend backend = Backends.open(Device.CPU)) {
            System.out.println("device " + backend.device());
          }
          BufferedImage image = new BufferedImage(480, 8, BufferedImage.TYPE_INT_RGB);
          image = new DetectionPainter(List.of("cat")).paint(image, List.of());
          System.out.println("width " + image.getWidth());
          Class<?> source = Class.forName("dev.cocoli.backend.cuda.compile.KernelSource");
          Method read = source.getDeclaredMethod("ofResource", String.class);
          read.setAccessible(true);
          System.out.println("kernel " + read.invoke(null, "region").toString().contains("roi_align"));
        }
      }
      """;

  @TempDir private Path folder;

  @BeforeAll
  static void requireModules() {
    String reason = "the classes were compiled without their modules, not by Maven";
    if (Detect.class.getResource("/module-info.class") == null) {
      assertFalse(System.getProperties().containsKey("surefire.test.class.path"), reason);
      Assumptions.abort(reason);
    }
  }

  @Test
  void aProgramRuns() throws Exception {
    assertEquals(List.of(), compile(PROGRAM));
    String output =
        java(
            modulePath() + File.pathSeparator + folder.resolve("classes"),
            List.of("--add-opens", "dev.cocoli/dev.cocoli.backend.cuda.compile=app"),
            List.of("app/app.Main"));
    assertTrue(output.contains("device cpu"), output);
    assertTrue(output.contains("width 480"), output);
    assertTrue(output.contains("kernel true"), output);
  }

  @Test
  void aProgramSeesNoBackend() throws IOException {
    String curious = "package app; class Main { dev.cocoli.backend.cpu.CpuBackend backend; }";
    assertEquals(List.of("compiler.err.package.not.visible"), compile(curious));
  }

  @Test
  void theExamplesRun() throws Exception {
    Path run = folder.resolve("run");
    String program = "dev.cocoli.examples/dev.cocoli.examples.TrainInMemory";
    String output = java(modulePath(), List.of(), List.of(program, run.toString(), "4", "1"));
    assertTrue(output.contains("trained 1 of 1 step"), output);
    assertTrue(Files.size(run.resolve("losses.png")) > 1000);
  }

  /** The class path of this test, without its own classes. */
  private static String modulePath() {
    return Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
        .filter(entry -> !Path.of(entry).endsWith("test-classes"))
        .collect(Collectors.joining(File.pathSeparator));
  }

  /** The codes of the errors. */
  private List<String> compile(String program) throws IOException {
    Path sources = Files.createDirectories(folder.resolve("sources/app"));
    List<Path> files =
        List.of(
            Files.writeString(sources.resolveSibling("module-info.java"), DESCRIPTOR),
            Files.writeString(sources.resolve("Main.java"), program));
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    DiagnosticCollector<JavaFileObject> said = new DiagnosticCollector<>();
    try (StandardJavaFileManager manager = compiler.getStandardFileManager(said, null, null)) {
      List<String> options =
          List.of("-p", modulePath(), "-d", folder.resolve("classes").toString());
      compiler
          .getTask(null, manager, said, options, null, manager.getJavaFileObjectsFromPaths(files))
          .call();
    }
    return said.getDiagnostics().stream()
        .filter(diagnostic -> diagnostic.getKind() == Diagnostic.Kind.ERROR)
        .map(Diagnostic::getCode)
        .toList();
  }

  /** What a program prints; fails if it does. Only the library's modules may call native code. */
  private String java(String modules, List<String> options, List<String> program)
      throws IOException, InterruptedException {
    Path output = folder.resolve("output.txt");
    List<String> command = new ArrayList<>();
    command.add(ProcessHandle.current().info().command().orElseThrow());
    command.addAll(
        List.of(
            "--enable-native-access=dev.cocoli,dev.cocoli.bindings",
            "--illegal-native-access=deny",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Djava.awt.headless=true",
            "-p",
            modules));
    command.addAll(options);
    command.add("-m");
    command.addAll(program);
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    boolean ended = process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS);
    process.destroyForcibly();
    String said = Files.readString(output);
    assertTrue(ended, said);
    assertEquals(0, process.exitValue(), said);
    return said;
  }
}

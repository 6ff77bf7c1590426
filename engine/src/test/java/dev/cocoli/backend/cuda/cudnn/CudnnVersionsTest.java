package dev.cocoli.backend.cuda.cudnn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.bindings.NvidiaLibraries;
import dev.cocoli.bindings.NvidiaLibrary;
import dev.cocoli.testing.Nvidia;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;
import org.junit.platform.launcher.listeners.SummaryGeneratingListener;
import org.junit.platform.launcher.listeners.TestExecutionSummary;

/**
 * The tests of cuDNN's graphs on further versions of cuDNN. A process has one version, so each gets
 * a process of its own. The variable {@value #VARIABLE} names them: entries with commas between
 * them, each what COCOLI_LIBRARY_PATH may be, with all libraries that cuDNN needs.
 */
@Tag("slow")
class CudnnVersionsTest {
  private static final String VARIABLE = "COCOLI_TEST_CUDNN";

  private static final Pattern LAST_LINE =
      Pattern.compile("(?m)^cuDNN (\\S+): (\\d+) tests hold, (\\d+) skipped$");

  /** The process of one version. */
  static final class Run {
    private Run() {}

    public static void main(String[] arguments) {
      Nvidia.require(NvidiaLibrary.CUDNN);
      SummaryGeneratingListener listener = new SummaryGeneratingListener();
      LauncherFactory.create()
          .execute(
              LauncherDiscoveryRequestBuilder.request()
                  .selectors(DiscoverySelectors.selectClass(CudnnGraphTest.class))
                  .build(),
              listener);
      TestExecutionSummary summary = listener.getSummary();
      for (TestExecutionSummary.Failure failure : summary.getFailures()) {
        System.out.println(failure.getTestIdentifier().getDisplayName());
        failure.getException().printStackTrace(System.out);
      }
      System.out.printf(
          "cuDNN %s: %d tests hold, %d skipped%n",
          version(), summary.getTestsSucceededCount(), summary.getTestsAbortedCount());
      System.exit(summary.getTotalFailureCount() == 0 ? 0 : 1);
    }
  }

  @Test
  void theGraphsHoldOnEveryVersion() throws Exception {
    String named = System.getenv(VARIABLE);
    if (named == null || named.isBlank()) {
      Nvidia.skip("a second version of cuDNN (set " + VARIABLE + ")");
    }
    List<String> versions = new ArrayList<>();
    for (String path : named.split(",")) {
      Matcher line = run(path.strip());
      assertTrue(Integer.parseInt(line.group(2)) > 0, line.group());
      versions.add(line.group(1) + " (" + line.group(2) + " tests, " + line.group(3) + " skipped)");
    }
    System.out.println("proved: cuDNN's graphs hold on cuDNN " + String.join(", ", versions));
  }

  private static String version() {
    return NvidiaLibraries.report(NvidiaLibrary.CUDNN).version().orElseThrow();
  }

  private static Matcher run(String path) throws Exception {
    ProcessBuilder builder =
        new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "--enable-native-access=ALL-UNNAMED",
            "-Xmx1g",
            "-Dcocoli.library.path=" + path,
            "-cp",
            System.getProperty("java.class.path"),
            Run.class.getName());
    builder
        .environment()
        .keySet()
        .removeAll(List.of("COCOLI_LIBRARY_PATH", "LD_LIBRARY_PATH", "VIRTUAL_ENV"));
    Process process = builder.redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), said);
    Matcher line = LAST_LINE.matcher(said);
    assertTrue(line.find(), said);
    return line;
  }
}

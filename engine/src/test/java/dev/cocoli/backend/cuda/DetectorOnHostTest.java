package dev.cocoli.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

import dev.cocoli.testing.TestBackends;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;
import org.junit.platform.launcher.listeners.SummaryGeneratingListener;
import org.junit.platform.launcher.listeners.TestExecutionSummary;

/**
 * Whole detectors through the CUDA kernels: the tests against torchvision's outputs once more, with
 * every kernel run on the host.
 */
@Tag("slow")
class DetectorOnHostTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "dev.cocoli.detection.FasterRcnnParityTest",
        "dev.cocoli.detection.FastRcnnParityTest",
        "dev.cocoli.detection.OddImagesTest",
        "dev.cocoli.ops.TapeTest"
      })
  void agreesWithTheReference(String test) {
    assumeTrue(CudaOnHost.isPossible(), "there is no C++ compiler");
    assumeTrue(System.getProperty(TestBackends.DEVICE) == null, "another device is under test");
    System.setProperty(TestBackends.DEVICE, TestBackends.ON_HOST);
    SummaryGeneratingListener listener = new SummaryGeneratingListener();
    try {
      LauncherFactory.create()
          .execute(
              LauncherDiscoveryRequestBuilder.request().selectors(selectClass(test)).build(),
              listener);
    } finally {
      System.clearProperty(TestBackends.DEVICE);
    }
    TestExecutionSummary summary = listener.getSummary();
    List<String> failures =
        summary.getFailures().stream()
            .map(failure -> failure.getTestIdentifier() + ": " + failure.getException())
            .toList();
    assertEquals(List.of(), failures);
    assertTrue(summary.getTestsSucceededCount() > 0, "no test of " + test + " ran");
    System.out.println(
        "proved: %d tests of %s hold on the CUDA kernels on the host"
            .formatted(
                summary.getTestsSucceededCount(), test.substring(test.lastIndexOf('.') + 1)));
  }
}

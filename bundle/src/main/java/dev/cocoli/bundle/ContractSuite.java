package dev.cocoli.bundle;

import static org.junit.platform.engine.discovery.DiscoverySelectors.selectPackage;
import static org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder.request;

import java.io.PrintWriter;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.discovery.ClassNameFilter;
import org.junit.platform.launcher.Launcher;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherFactory;

/** Runs tests of the engine on a device, and prints the failures. */
final class ContractSuite {
  /** The property by which the engine's tests choose their device. */
  private static final String DEVICE = "cocoli.test.device";

  private final String device;
  private final PrintWriter out;

  ContractSuite(String device, PrintWriter out) {
    this.device = device;
    this.out = out;
  }

  /**
   * Runs a set of tests.
   *
   * @param check its name
   * @param inPackage the package of the tests
   * @param classes the pattern of the tests' class names
   */
  Finding run(String check, String inPackage, String classes) {
    long began = System.nanoTime();
    Counts counts = new Counts();
    String before = System.setProperty(DEVICE, device);
    try {
      Launcher launcher = LauncherFactory.create();
      launcher.execute(
          request()
              .selectors(List.of(selectPackage(inPackage)))
              .filters(ClassNameFilter.includeClassNamePatterns(classes))
              .build(),
          counts);
    } finally {
      if (before == null) {
        System.clearProperty(DEVICE);
      } else {
        System.setProperty(DEVICE, before);
      }
    }
    long failed = counts.failed.get();
    long passed = counts.passed.get();
    return new Finding(
        check,
        failed == 0 && passed > 0 ? Finding.Verdict.OK : Finding.Verdict.FAILED,
        "%d passed, %d failed, %d skipped".formatted(passed, failed, counts.skipped.get()),
        (System.nanoTime() - began) / 1e9);
  }

  private final class Counts implements TestExecutionListener {
    final AtomicLong passed = new AtomicLong();
    final AtomicLong failed = new AtomicLong();
    final AtomicLong skipped = new AtomicLong();

    @Override
    public void executionSkipped(TestIdentifier test, String reason) {
      skipped.incrementAndGet();
    }

    @Override
    public void executionFinished(TestIdentifier test, TestExecutionResult result) {
      switch (result.getStatus()) {
        case SUCCESSFUL -> {
          if (test.isTest()) {
            passed.incrementAndGet();
          }
        }
        case ABORTED -> skipped.incrementAndGet();
        case FAILED -> {
          failed.incrementAndGet();
          out.println("failed: " + name(test) + ": " + reason(result));
        }
      }
    }

    private String name(TestIdentifier test) {
      return test.getUniqueIdObject().getSegments().stream()
          .skip(1)
          .map(segment -> segment.getValue())
          .reduce((one, other) -> one + " " + other)
          .orElse(test.getDisplayName());
    }

    private String reason(TestExecutionResult result) {
      return result.getThrowable().map(Throwable::toString).orElse("for no reason given");
    }
  }
}

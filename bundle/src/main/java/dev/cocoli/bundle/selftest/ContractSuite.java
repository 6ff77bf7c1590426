package dev.cocoli.bundle.selftest;

import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectPackage;
import static org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder.request;

import java.io.PrintWriter;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.discovery.ClassNameFilter;
import org.junit.platform.engine.support.descriptor.ClassSource;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.TestPlan;
import org.junit.platform.launcher.core.LauncherFactory;

/** Runs tests of the engine on a device, and prints the failures. */
public final class ContractSuite {
  /** The sets of tests that every device has to pass. */
  public enum Suite {
    /** What each primitive owes. */
    CONTRACT("contract", "dev.cocoli.backend", ".*ContractTest"),
    /** Gradients beside finite differences. */
    GRADIENTS("gradients", "dev.cocoli.ops", ".*TapeTest"),
    /** Whole detectors beside torchvision's outputs. */
    OUTPUTS("torchvision's outputs", "dev.cocoli.detection", ".*(ParityTest|OddImagesTest)");

    private final String title;
    private final String inPackage;
    private final String classes;

    Suite(String title, String inPackage, String classes) {
      this.title = title;
      this.inPackage = inPackage;
      this.classes = classes;
    }

    /** {@return its name in tables} */
    public String title() {
      return title;
    }

    /** {@return the names of its classes, sorted} */
    public List<String> classNames() {
      return ContractSuite.classNames(inPackage, classes);
    }
  }

  /** The property by which the engine's tests choose their device. */
  private static final String DEVICE = "cocoli.test.device";

  private final String device;
  private final PrintWriter out;

  /**
   * Chooses the device.
   *
   * @param device {@code cpu}, {@code cuda}, {@code cuda:1}
   * @param out where failures are printed
   */
  public ContractSuite(String device, PrintWriter out) {
    this.device = device;
    this.out = out;
  }

  /** Runs a set of tests. */
  Finding run(Suite suite) {
    return run(suite.title, inPackage(suite.inPackage, suite.classes));
  }

  /**
   * Runs the tests of a class.
   *
   * @param check the name of the check
   * @param className the class
   * @return how many passed, failed and were skipped, and the first failure
   */
  public Finding run(String check, String className) {
    return run(check, request().selectors(selectClass(className)).build());
  }

  /** The names of the classes in a package that have tests, sorted. */
  static List<String> classNames(String inPackage, String classes) {
    TestPlan found = LauncherFactory.create().discover(inPackage(inPackage, classes));
    return found.getRoots().stream()
        .flatMap(engine -> found.getChildren(engine).stream())
        .flatMap(test -> test.getSource().stream())
        .filter(ClassSource.class::isInstance)
        .map(source -> ((ClassSource) source).getClassName())
        .sorted()
        .toList();
  }

  private static LauncherDiscoveryRequest inPackage(String name, String classes) {
    return request()
        .selectors(List.of(selectPackage(name)))
        .filters(ClassNameFilter.includeClassNamePatterns(classes))
        .build();
  }

  private Finding run(String check, LauncherDiscoveryRequest tests) {
    long began = System.nanoTime();
    Counts counts = new Counts();
    String before = System.setProperty(DEVICE, device);
    try {
      LauncherFactory.create().execute(tests, counts);
    } finally {
      if (before == null) {
        System.clearProperty(DEVICE);
      } else {
        System.setProperty(DEVICE, before);
      }
    }
    long failed = counts.failed.get();
    long passed = counts.passed.get();
    long skipped = counts.skipped.get();
    String first = counts.firstFailure.get();
    return new Finding(
        check,
        failed == 0 && passed > 0 ? Finding.Verdict.OK : Finding.Verdict.FAILED,
        "%d passed, %d failed, %d skipped".formatted(passed, failed, skipped)
            + (first == null ? "" : "; " + first),
        (System.nanoTime() - began) / 1e9,
        Map.of("passed", (double) passed, "failed", (double) failed, "skipped", (double) skipped));
  }

  private final class Counts implements TestExecutionListener {
    final AtomicLong passed = new AtomicLong();
    final AtomicLong failed = new AtomicLong();
    final AtomicLong skipped = new AtomicLong();
    final AtomicReference<String> firstFailure = new AtomicReference<>();

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
          String failure = name(test) + ": " + reason(result);
          firstFailure.compareAndSet(null, failure.lines().findFirst().orElse(failure));
          out.println("failed: " + failure);
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

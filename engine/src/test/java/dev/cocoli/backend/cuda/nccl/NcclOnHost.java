package dev.cocoli.backend.cuda.nccl;

import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

import java.io.PrintWriter;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;
import org.junit.platform.launcher.listeners.SummaryGeneratingListener;
import org.junit.platform.launcher.listeners.TestExecutionSummary;

/** The communicators' contract as a program of its own, for libraries that stand in for NCCL. */
final class NcclOnHost {
  /** What it says in the end, before the number of tests that passed. */
  static final String PASSED = "tests passed: ";

  private NcclOnHost() {}

  /** Runs the tests; exits with 1 if one fails. */
  public static void main(String[] arguments) {
    SummaryGeneratingListener listener = new SummaryGeneratingListener();
    LauncherFactory.create()
        .execute(
            LauncherDiscoveryRequestBuilder.request()
                .selectors(
                    selectClass("dev.cocoli.backend.CommunicatorContractTest"),
                    selectClass("dev.cocoli.backend.CommunicatorFaultTest"))
                .build(),
            listener);
    TestExecutionSummary summary = listener.getSummary();
    summary.printFailuresTo(new PrintWriter(System.out, true));
    System.out.println(PASSED + summary.getTestsSucceededCount());
    System.exit(summary.getTotalFailureCount() == 0 ? 0 : 1);
  }
}

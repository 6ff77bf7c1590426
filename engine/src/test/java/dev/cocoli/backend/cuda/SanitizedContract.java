package dev.cocoli.backend.cuda;

import java.io.PrintWriter;
import org.junit.platform.engine.discovery.ClassNameFilter;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;
import org.junit.platform.launcher.listeners.SummaryGeneratingListener;
import org.junit.platform.launcher.listeners.TestExecutionSummary;

/** Runs the contract suite alone, in the process that {@link SanitizerTest} starts. */
final class SanitizedContract {
  private SanitizedContract() {}

  public static void main(String[] arguments) {
    LauncherDiscoveryRequest request =
        LauncherDiscoveryRequestBuilder.request()
            .selectors(DiscoverySelectors.selectPackage("dev.cocoli.backend"))
            .filters(ClassNameFilter.includeClassNamePatterns(".*\\.backend\\.\\w+ContractTest"))
            .build();
    SummaryGeneratingListener listener = new SummaryGeneratingListener();
    LauncherFactory.create().execute(request, listener);
    TestExecutionSummary summary = listener.getSummary();
    summary.printFailuresTo(new PrintWriter(System.out), 20);
    System.out.println(summary.getTestsSucceededCount() + SanitizerTest.HELD);
    System.exit(summary.getTotalFailureCount() == 0 ? 0 : 1);
  }
}

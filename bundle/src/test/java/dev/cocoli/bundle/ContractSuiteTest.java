package dev.cocoli.bundle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;

class ContractSuiteTest {
  private final StringWriter said = new StringWriter();
  private final ContractSuite suite = new ContractSuite("cuda:3", new PrintWriter(said, true));

  @Test
  void countsOutcomesAndNamesFailures() {
    Finding finding = suite.run("samples", "dev.cocoli.bundle.samples", ".*Mixed");
    assertEquals(Finding.Verdict.FAILED, finding.verdict());
    assertEquals("1 passed, 1 failed, 1 skipped", finding.detail());
    assertTrue(said.toString().contains("fails()"), said.toString());
    assertTrue(said.toString().contains("one is not two"), said.toString());
    assertEquals(null, System.getProperty("cocoli.test.device"), "the property stays set");
  }

  @Test
  void noTestsAreAFailure() {
    Finding finding = suite.run("samples", "dev.cocoli.bundle.samples", ".*Nothing");
    assertEquals(Finding.Verdict.FAILED, finding.verdict());
  }

  @Test
  void findsTheContractInTheEnginesTests() {
    Finding finding =
        new ContractSuite("cpu", new PrintWriter(said, true))
            .run("contract", "dev.cocoli.backend", ".*RowsContractTest");
    assertEquals(Finding.Verdict.OK, finding.verdict(), said.toString());
  }
}

package dev.cocoli.bundle.selftest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.bundle.selftest.samples.Mixed;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class ContractSuiteTest {
  private final StringWriter said = new StringWriter();
  private final ContractSuite suite = new ContractSuite("cuda:3", new PrintWriter(said, true));

  @Test
  void countsOutcomesAndNamesFailures() {
    Finding finding = suite.run("samples", Mixed.class.getName());
    assertEquals(Finding.Verdict.FAILED, finding.verdict());
    assertTrue(finding.detail().startsWith("1 passed, 1 failed, 1 skipped; "), finding.detail());
    assertTrue(finding.detail().contains("one is not two"), finding.detail());
    assertTrue(said.toString().contains("fails()"), said.toString());
    assertTrue(said.toString().contains("one is not two"), said.toString());
    assertEquals(null, System.getProperty("cocoli.test.device"), "the property stays set");
  }

  @Test
  void noTestsAreAFailure() {
    Finding finding = suite.run("samples", Object.class.getName());
    assertEquals(Finding.Verdict.FAILED, finding.verdict());
  }

  @Test
  @Tag("slow")
  void findsTheContractInTheEnginesTests() {
    List<String> classes = ContractSuite.Suite.CONTRACT.classNames();
    assertTrue(classes.size() > 15, classes.toString());
    String rows = "dev.cocoli.backend.RowsContractTest";
    assertTrue(classes.contains(rows), classes.toString());
    Finding finding = new ContractSuite("cpu", new PrintWriter(said, true)).run("contract", rows);
    assertEquals(Finding.Verdict.OK, finding.verdict(), said.toString());
    assertEquals(0, finding.figures().get("failed"));
  }
}

package dev.cocoli.bundle.selftest;

import dev.cocoli.backend.Backends;
import dev.cocoli.benchmarks.ImageSize;
import dev.cocoli.files.OutputFile;
import dev.cocoli.tensor.Device;
import dev.cocoli.tensor.Precision;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Tests a device: the contract, the references' outputs, memory, downloads, precision, times. */
@Command(
    name = "selftest",
    description =
        "Checks that a device computes what it should: the contract of every primitive,"
            + " torchvision's outputs, flat memory, downloads, bf16 beside fp32; and times it.")
public final class SelftestCommand implements Callable<Integer> {
  private static final int QUICK_STEPS = 100;
  private static final int STEPS = 1000;

  @Mixin private MeasuredOptions measured;

  @Option(names = "--quick", description = "A hundred steps instead of a thousand, and no times.")
  private boolean quick;

  @Option(
      names = "--runs",
      paramLabel = "N",
      defaultValue = "10",
      description = "How many steps are timed. Default: ${DEFAULT-VALUE}.")
  private int runs;

  @Option(names = "--out", paramLabel = "FILE", description = "Write the table to a file as well.")
  private Path file;

  @Spec private CommandSpec spec;

  /** Creates the command, which picocli fills. */
  public SelftestCommand() {}

  @Override
  public Integer call() throws IOException {
    PrintWriter out = spec.commandLine().getOut();
    Device where = measured.device();
    ImageSize size = measured.size();
    List<Integer> batches = measured.batches();
    if (runs < 1) {
      throw new ParameterException(spec.commandLine(), "--runs is 1 or more");
    }
    Backends.open(where).close(); // throws one clear error if the device cannot be used
    List<Finding> findings = new ArrayList<>();
    ContractSuite suite = new ContractSuite(where.toString(), out);
    for (ContractSuite.Suite tests : ContractSuite.Suite.values()) {
      add(findings, () -> List.of(suite.run(tests)), out);
    }
    StepChecks steps = new StepChecks(where);
    add(findings, () -> steps.downloadsAndMemory(quick ? QUICK_STEPS : STEPS), out);
    add(findings, () -> List.of(steps.bf16()), out);
    if (!quick) {
      for (int batch : batches) {
        for (Precision precision : Precision.values()) {
          add(findings, () -> steps.times(size, batch, precision, runs), out);
        }
      }
    }
    if (file != null) {
      String lines =
          findings.stream()
              .map(finding -> line(finding) + System.lineSeparator())
              .collect(Collectors.joining());
      OutputFile.write(file, lines.getBytes(StandardCharsets.UTF_8));
    }
    boolean failed =
        findings.stream().anyMatch(finding -> finding.verdict() == Finding.Verdict.FAILED);
    out.println(failed ? where + " is not to be trusted" : where + " computes as it should");
    return failed ? 1 : 0;
  }

  /**
   * Adds the results of a check. A check that throws is a failure, and the checks after it still
   * run.
   */
  private void add(List<Finding> findings, Supplier<List<Finding>> check, PrintWriter out) {
    List<Finding> found;
    try {
      found = check.get();
    } catch (RuntimeException e) {
      found = List.of(new Finding("check", Finding.Verdict.FAILED, e.toString(), 0));
    }
    findings.addAll(found);
    found.forEach(finding -> out.println(line(finding)));
  }

  private static String line(Finding finding) {
    return String.format(
        Locale.ROOT,
        "%-24s %-7s %7.1f s  %s",
        finding.check(),
        finding.verdict().name().toLowerCase(Locale.ROOT),
        finding.seconds(),
        finding.detail());
  }
}

package dev.cocoli.bundle.prove;

import dev.cocoli.bundle.selftest.ContractSuite.Suite;
import dev.cocoli.bundle.selftest.Finding;
import dev.cocoli.bundle.selftest.Finding.Verdict;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Whether the device computes what it should: versions, the contract of every primitive, gradients,
 * torchvision's outputs, downloads, flat memory, bf16 beside fp32. What fails on a GPU runs once
 * more with every call waited for, so that the error names the call.
 */
final class RightStage implements Stage {
  private static final String STEPS = "100";
  private static final int TESTS_SECONDS = 60;
  private static final int STEPS_SECONDS = 60;
  private static final int DRIVER_SECONDS = 20;

  @Override
  public void run(Request request, StageReport report) throws IOException, InterruptedException {
    if (request.isGpu() && request.wants("driver")) {
      driver(report);
    }
    Machine machine = Machine.examine(request, report);
    report.add(machine.finding());
    if (machine.finding().verdict() == Verdict.FAILED) {
      return; // nothing else could run
    }
    run(Launch.PLAIN, checks(request), request, report);
  }

  private static void driver(StageReport report) throws InterruptedException {
    Optional<Path> program = Program.find("nvidia-smi");
    if (program.isEmpty()) {
      report.add(new Finding("driver", Verdict.NOTED, "nvidia-smi is not on the PATH", 0));
      return;
    }
    List<String> said = new ArrayList<>();
    List<String> command =
        List.of(
            program.get().toString(),
            "--query-gpu=name,driver_version,memory.total,clocks.max.sm",
            "--format=csv,noheader");
    Ran ran = Ran.run(command, Map.of(), DRIVER_SECONDS, report, said::add);
    report.add(
        ran.problem().isPresent()
            ? ran.failed("driver")
            : new Finding("driver", Verdict.OK, String.join("; ", said), ran.seconds()));
  }

  private static List<Check> checks(Request request) {
    String device = request.device().toString();
    List<Check> checks = new ArrayList<>();
    for (Suite suite : Suite.values()) {
      for (String name : suite.classNames()) {
        checks.add(tests(suite.title(), device, name));
      }
    }
    checks.add(new Check("memory", List.of("memory", device, STEPS), STEPS_SECONDS));
    checks.add(new Check("losses in bf16", List.of("bf16", device), STEPS_SECONDS));
    return checks.stream().filter(check -> request.wants(check.name())).toList();
  }

  /** The tests of a class, as a check of a group. */
  static Check tests(String group, String device, String className) {
    String name = className.substring(className.lastIndexOf('.') + 1).replaceFirst("Test$", "");
    return new Check(group + ": " + name, List.of("tests", device, className), TESTS_SECONDS);
  }

  /** Runs checks, and those that fail on a GPU once more. */
  static void run(Launch launch, List<Check> checks, Request request, StageReport report)
      throws IOException, InterruptedException {
    List<Check> again =
        new CheckRun(launch, report)
            .run(checks).stream()
                .map(check -> check.named(check.name() + ", each call waited for"))
                .toList();
    if (request.isGpu() && !again.isEmpty() && report.secondsLeft() > 0) {
      new CheckRun(launch.with("cocoli.cuda.sync=true"), report)
          .changing(RightStage::noted)
          .run(again);
    }
  }

  /** A second try neither mends the first nor fails the stage again. */
  private static Finding noted(Finding finding) {
    boolean fails = finding.verdict() == Verdict.FAILED;
    return new Finding(
        finding.check(),
        Verdict.NOTED,
        (fails ? "fails: " : "does not fail: ") + finding.detail(),
        finding.seconds(),
        finding.figures());
  }
}

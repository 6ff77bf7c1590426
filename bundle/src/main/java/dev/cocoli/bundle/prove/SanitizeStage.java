package dev.cocoli.bundle.prove;

import dev.cocoli.bundle.selftest.ContractSuite.Suite;
import dev.cocoli.bundle.selftest.Finding;
import dev.cocoli.bundle.selftest.Finding.Verdict;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Our kernels under {@code compute-sanitizer}: memory that is overrun, and races for shared memory.
 * It looks at our kernels only, by name, and every tensor is an allocation of its own.
 */
final class SanitizeStage implements Stage {
  private static final List<String> TOOLS = List.of("memcheck", "racecheck");
  private static final Pattern SUMMARY =
      Pattern.compile("=+ (?:ERROR|RACECHECK) SUMMARY: (\\d+) .*");
  private static final Pattern FINDING =
      Pattern.compile("=+ (?:Error: .*|Warning: Race.*|Invalid .*|Misaligned .*|Program hit .*)");

  /** How many times as long a check may take. */
  private static final int SLOWER = 5;

  @Override
  public void run(Request request, StageReport report) throws IOException, InterruptedException {
    if (!request.isGpu()) {
      report.add(new Finding("sanitizer", Verdict.NOTED, "only a GPU has kernels to check", 0));
      return;
    }
    Optional<Path> sanitizer = Program.find("compute-sanitizer");
    if (sanitizer.isEmpty()) {
      String why = "compute-sanitizer of the CUDA toolkit is not on the PATH";
      report.add(new Finding("sanitizer", Verdict.FAILED, why, 0));
      return;
    }
    for (String tool : TOOLS) {
      check(tool, sanitizer.get(), request, report);
    }
  }

  private static void check(String tool, Path sanitizer, Request request, StageReport report)
      throws IOException, InterruptedException {
    List<Check> checks = checks(tool, request);
    if (checks.isEmpty()) {
      return;
    }
    List<String> command = new ArrayList<>(List.of(sanitizer.toString(), "--tool", tool));
    // what NVIDIA's libraries ask for and do not get is theirs
    command.addAll(List.of("--report-api-errors", "no"));
    for (String kernel : OurKernels.names()) {
      command.addAll(List.of("--kernel-name", "kne=" + kernel));
    }
    Launch launch = Launch.PLAIN.by(command).with("cocoli.cuda.exact=true");
    Summary summary = new Summary();
    long began = System.nanoTime();
    new CheckRun(launch, report).reading(summary::read).run(checks);
    report.add(summary.finding(tool, (System.nanoTime() - began) / 1e9));
  }

  /** The contract of what our kernels compute; those of the libraries' calls come last. */
  private static List<Check> checks(String tool, Request request) {
    List<Check> first = new ArrayList<>();
    List<Check> last = new ArrayList<>();
    for (String name : Suite.CONTRACT.classNames()) {
      Check plain = RightStage.tests("contract under " + tool, request.device().toString(), name);
      Check check = new Check(plain.name(), plain.words(), SLOWER * plain.seconds());
      if (name.endsWith("CommunicatorContractTest") || !request.wants(check.name())) {
        continue; // NCCL's kernels are not ours
      }
      boolean isLibrary = name.matches(".*(Convolution|Linear)ContractTest");
      (isLibrary ? last : first).add(check);
    }
    first.addAll(last);
    return first;
  }

  /** What a tool found, added over its processes. */
  static final class Summary {
    private long summaries;
    private long errors;
    private String first;

    /** Reads a line of the tool. */
    void read(String line) {
      Matcher summary = SUMMARY.matcher(line);
      if (summary.matches()) {
        summaries++;
        errors += Long.parseLong(summary.group(1));
      } else if (first == null && FINDING.matcher(line).matches()) {
        first = line.replaceFirst("=+ ", "");
      }
    }

    Finding finding(String tool, double seconds) {
      String detail =
          summaries == 0 && first == null
              ? "the tool printed no summary"
              : errors + " errors" + (first == null ? "" : "; first: " + first);
      boolean isClean = errors == 0 && first == null && summaries > 0;
      return new Finding(tool, isClean ? Verdict.OK : Verdict.FAILED, detail, seconds);
    }
  }
}

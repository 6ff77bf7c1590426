package dev.cocoli.bundle.prove;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cocoli.bundle.selftest.Finding;
import dev.cocoli.bundle.selftest.Finding.Verdict;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;

/**
 * Runs checks in as few processes as there are failures: one that hangs is ended, one that fails or
 * crashes ends its process, and another process goes on with those that are left.
 */
final class CheckRun {
  /** For a JVM, NVIDIA's libraries and a context, before the first check begins. */
  private static final int START_SECONDS = 60;

  /** For a process that has done its checks; a tool around it may print a summary. */
  private static final int END_SECONDS = 60;

  private static final ObjectMapper JSON = new ObjectMapper();

  private final Launch launch;
  private final StageReport report;
  private final Deque<Check> left = new ArrayDeque<>();
  private final Set<Check> failed = new LinkedHashSet<>();

  private UnaryOperator<Finding> change = finding -> finding;
  private Consumer<String> lines;

  /**
   * Prepares a run.
   *
   * @param launch how its processes are started
   * @param report receives lines and findings as they come
   */
  CheckRun(Launch launch, StageReport report) {
    this.launch = launch;
    this.report = report;
    lines = report::line;
  }

  /** Changes each finding before it is reported. */
  CheckRun changing(UnaryOperator<Finding> by) {
    change = by;
    return this;
  }

  /** Reads each line that is no finding, besides the report. */
  CheckRun reading(Consumer<String> also) {
    lines = lines.andThen(also);
    return this;
  }

  /**
   * Runs checks in their order.
   *
   * @param checks what to run
   * @return those that failed or were left out
   */
  List<Check> run(List<Check> checks) throws InterruptedException {
    left.addAll(checks);
    while (!left.isEmpty()) {
      if (report.secondsLeft() <= 0) {
        failed.add(left.peek());
        report.add(report.leftOut(left.poll().name()));
      } else {
        process();
      }
    }
    return List.copyOf(failed);
  }

  private void add(Finding finding) {
    if (finding.verdict() == Verdict.FAILED) {
      failed.add(left.peek());
    }
    report.add(change.apply(finding));
  }

  private void fail(String detail, double seconds) {
    add(new Finding(left.peek().name(), Verdict.FAILED, detail, seconds));
    left.poll();
  }

  /** Runs one process until it ends, or is ended. */
  private void process() throws InterruptedException {
    List<String> arguments = new ArrayList<>();
    for (Check check : left) {
      arguments.add(check.name());
      arguments.add(String.join(" ", check.words()));
    }
    List<String> command = launch.command(CheckProcess.class.getName(), arguments);
    int before = failed.size();
    long began = System.nanoTime();
    int limit = report.limit(START_SECONDS + left.peek().seconds());
    String last = "";
    try (Program program = Program.start(command, launch.environment())) {
      while (true) {
        Optional<String> line;
        try {
          line = program.next(began + limit * 1_000_000_000L);
        } catch (TimeoutException e) {
          if (left.isEmpty() || failed.size() > before) {
            lines.accept("the process did not end after its last check, and was ended");
          } else {
            fail("no end in %d s".formatted(limit), limit);
          }
          return;
        }
        if (line.isEmpty()) {
          break;
        }
        JsonNode said = json(line.get());
        if (said.has(CheckProcess.BEGINS)) {
          began = System.nanoTime();
          limit = report.limit(left.peek().seconds());
        } else if (said.has(CheckProcess.FINDING)) {
          add(JSON.convertValue(said.get(CheckProcess.FINDING), Finding.class));
        } else if (said.has(CheckProcess.ENDS)) {
          left.poll();
          began = System.nanoTime();
          limit = report.limit(END_SECONDS);
        } else if (!line.get().isBlank()) {
          lines.accept(line.get());
          last = line.get().strip();
        }
      }
      if (failed.size() == before && !left.isEmpty()) {
        double seconds = (System.nanoTime() - began) / 1e9;
        fail("the process ended with %d: %s".formatted(program.exitCode(), last), seconds);
      }
    } catch (IOException e) {
      fail(e.getMessage(), 0);
    }
  }

  private static JsonNode json(String line) {
    if (line.startsWith("{")) {
      try {
        return JSON.readTree(line);
      } catch (JsonProcessingException e) {
        return JSON.nullNode(); // somebody else's brace
      }
    }
    return JSON.nullNode();
  }
}

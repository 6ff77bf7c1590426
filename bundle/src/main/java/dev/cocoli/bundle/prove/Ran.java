package dev.cocoli.bundle.prove;

import dev.cocoli.bundle.selftest.Finding;
import dev.cocoli.bundle.selftest.Finding.Verdict;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;

/**
 * A program that was run to its end, or ended.
 *
 * @param problem what went wrong; empty if it ended with 0
 * @param seconds how long it took
 */
record Ran(Optional<String> problem, double seconds) {

  /**
   * Runs a program.
   *
   * @param command program and arguments
   * @param environment variables added to ours
   * @param seconds the most that it may take
   * @param report its time; receives the lines
   * @param lines receives them as well
   */
  static Ran run(
      List<String> command,
      Map<String, String> environment,
      int seconds,
      StageReport report,
      Consumer<String> lines)
      throws InterruptedException {
    long began = System.nanoTime();
    int limit = report.limit(seconds);
    String last = "it says nothing";
    try (Program program = Program.start(command, environment)) {
      long deadline = began + limit * 1_000_000_000L;
      for (Optional<String> line = program.next(deadline);
          line.isPresent();
          line = program.next(deadline)) {
        report.line(line.get());
        lines.accept(line.get());
        last = line.get().isBlank() ? last : line.get().strip();
      }
      int code = program.exitCode();
      return ran(code == 0 ? null : "it ended with %d: %s".formatted(code, last), began);
    } catch (TimeoutException e) {
      return ran("no end in %d s".formatted(limit), began);
    } catch (IOException e) {
      return ran(e.getMessage(), began);
    }
  }

  private static Ran ran(String problem, long began) {
    return new Ran(Optional.ofNullable(problem), (System.nanoTime() - began) / 1e9);
  }

  /** {@return the problem as a finding} */
  Finding failed(String check) {
    return new Finding(check, Verdict.FAILED, problem.orElseThrow(), seconds);
  }
}

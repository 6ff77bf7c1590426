package dev.cocoli.bundle.prove;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cocoli.backend.Backends;
import dev.cocoli.bundle.selftest.ContractSuite;
import dev.cocoli.bundle.selftest.Finding;
import dev.cocoli.bundle.selftest.StepChecks;
import java.io.PrintWriter;
import java.util.List;

/**
 * The process in which checks run, one after the other. It prints a line of JSON when one begins,
 * one for each finding, and one when it has ended; other lines are for people. It ends after the
 * first check that fails, because what comes after an error of CUDA fails with it.
 */
final class CheckProcess {
  /** The key of the line that says which check begins. */
  static final String BEGINS = "begins";

  /** The key of the line that says which check has ended. */
  static final String ENDS = "ends";

  /** The key of a line with a finding. */
  static final String FINDING = "finding";

  private static final ObjectMapper JSON = new ObjectMapper();

  private CheckProcess() {}

  /**
   * Runs checks.
   *
   * @param arguments for each the name, and its words in one argument
   */
  public static void main(String[] arguments) {
    for (int i = 0; i < arguments.length; i += 2) {
      say(JSON.createObjectNode().put(BEGINS, arguments[i]));
      List<Finding> found;
      try {
        found = run(arguments[i], List.of(arguments[i + 1].split(" ")));
      } catch (RuntimeException | Error e) {
        e.printStackTrace(System.out);
        found = List.of(new Finding(arguments[i], Finding.Verdict.FAILED, e.toString(), 0));
      }
      for (Finding finding : found) {
        say(JSON.createObjectNode().set(FINDING, JSON.valueToTree(finding)));
      }
      say(JSON.createObjectNode().put(ENDS, arguments[i]));
      if (found.stream().anyMatch(finding -> finding.verdict() == Finding.Verdict.FAILED)) {
        System.exit(1);
      }
    }
    System.exit(0); // whatever threads are left
  }

  private static void say(ObjectNode line) {
    // a library may have left a line open
    System.out.println("\n" + line);
    System.out.flush();
  }

  private static List<Finding> run(String name, List<String> words) {
    String device = words.get(1);
    return switch (words.getFirst()) {
      case "tests" ->
          List.of(
              new ContractSuite(device, new PrintWriter(System.out, true)).run(name, words.get(2)));
      case "memory" ->
          new StepChecks(Backends.device(device))
              .downloadsAndMemory(Integer.parseInt(words.get(2)));
      case "bf16" -> List.of(new StepChecks(Backends.device(device)).bf16());
      case "time" -> List.of(Workload.parse(words).time(name));
      case "profile" -> List.of(Workload.parse(words).profile(name));
      case "reduce" ->
          List.of(
              new Reduction(device, Integer.parseInt(words.get(2)), Integer.parseInt(words.get(3)))
                  .time(name));
      default -> throw new IllegalArgumentException("nobody knows what " + words + " is");
    };
  }
}

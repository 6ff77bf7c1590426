package dev.cocoli.cli;

import dev.cocoli.cli.options.RunOptions;
import dev.cocoli.cli.terminal.ErrorMessages;
import dev.cocoli.cli.terminal.TerminalWriter;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.UnmatchedArgumentException;

/** The entry point of the command line: runs a command and returns its exit code. */
public final class Main {
  private Main() {}

  /**
   * Runs a command and ends the process.
   *
   * @param args the command and its options
   */
  public static void main(String[] args) {
    int code = run(new PrintWriter(System.out, true), new PrintWriter(System.err, true), args);
    System.exit(code);
  }

  /** Runs a command; returns its exit code: 0, 1 for an error, 2 for a wrong command line. */
  static int run(PrintWriter out, PrintWriter err, String... args) {
    return run(List.of(), out, err, args);
  }

  /**
   * Runs one of these commands or of additional ones; prints errors.
   *
   * @param others additional commands, as picocli takes them
   * @param out standard output
   * @param err standard error
   * @param args the command and its options
   * @return its exit code: 0, 1 for an error, 2 for a wrong command line
   */
  public static int run(List<Object> others, PrintWriter out, PrintWriter err, String... args) {
    boolean debug = java.util.Arrays.asList(args).contains(RunOptions.DEBUG);
    PrintWriter safeOut = new TerminalWriter(out);
    PrintWriter safeErr = new TerminalWriter(err);
    try {
      return commandLine(others, debug).setOut(safeOut).setErr(safeErr).execute(args);
    } catch (Error e) { // picocli handles exceptions only
      return report(safeErr, e, debug);
    } finally {
      safeOut.flush();
      safeErr.flush();
    }
  }

  private static CommandLine commandLine(List<Object> others, boolean debug) {
    CommandLine top = new CommandLine(new CocoliCommand());
    others.forEach(top::addSubcommand);
    return top.setCaseInsensitiveEnumValuesAllowed(true)
        .setUsageHelpWidth(100)
        .setUsageHelpAutoWidth(true)
        .setParameterExceptionHandler((problem, args) -> usage(problem, debug))
        .setExecutionExceptionHandler(
            (problem, line, result) -> failure(problem, line, result, debug));
  }

  private static int usage(ParameterException problem, boolean debug) {
    CommandLine line = problem.getCommandLine();
    if (debug) {
      printStackTrace(problem, line.getErr());
    }
    String text = ErrorMessages.oneLine(problem.getMessage());
    String suggestions =
        problem instanceof UnmatchedArgumentException unmatched
            ? String.join(", ", unmatched.getSuggestions())
            : "";
    if (!suggestions.isEmpty()) {
      text += "; did you mean " + suggestions + "?";
    }
    line.getErr()
        .println("cocoli: " + text + " (see " + line.getCommandSpec().qualifiedName() + " --help)");
    return CommandLine.ExitCode.USAGE;
  }

  private static int failure(
      Exception problem, CommandLine line, ParseResult result, boolean debug) {
    return report(line.getErr(), problem, debug);
  }

  private static void printStackTrace(Throwable problem, PrintWriter err) {
    StringWriter trace = new StringWriter();
    problem.printStackTrace(new PrintWriter(trace));
    trace.toString().lines().forEach(err::println);
  }

  private static int report(PrintWriter err, Throwable problem, boolean debug) {
    if (debug) {
      printStackTrace(problem, err);
    }
    err.println("cocoli: " + ErrorMessages.of(problem));
    return CommandLine.ExitCode.SOFTWARE;
  }
}

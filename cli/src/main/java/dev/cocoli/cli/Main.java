package dev.cocoli.cli;

import dev.cocoli.cli.options.RunOptions;
import dev.cocoli.cli.terminal.ErrorMessages;
import dev.cocoli.cli.terminal.StandardOutput;
import dev.cocoli.cli.terminal.TerminalWriter;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
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
    LoadingAhead.begin(args);
    System.exit(run(List.of(), args));
  }

  /**
   * Runs one of these commands or of additional ones in a process of its own. What cannot be
   * written to the standard output is an error.
   *
   * @param others additional commands, as picocli takes them
   * @param args the command and its options
   * @return its exit code: 0, 1 for an error, 2 for a wrong command line
   */
  public static int run(List<Object> others, String... args) {
    StandardOutput standard = new StandardOutput(new FileOutputStream(FileDescriptor.out));
    PrintWriter out = new PrintWriter(standard, true, System.out.charset());
    PrintWriter err = new PrintWriter(System.err, true);
    return standard.codeAfter(run(others, out, err, args), err);
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
    boolean all = java.util.Arrays.asList(args).contains(CommandHelp.ALL);
    CommandHelp.Extent help =
        all ? CommandHelp.Extent.ALL_OPTIONS : CommandHelp.Extent.SHORT_IF_MANY;
    String[] words =
        Stream.of(args)
            .filter(word -> !(all && (word.equals("--help") || word.equals("-h"))))
            .map(word -> word.equals(CommandHelp.ALL) ? "--help" : word)
            .toArray(String[]::new);
    try {
      return commandLine(others, debug, help, words).setOut(safeOut).setErr(safeErr).execute(words);
    } catch (Error e) { // picocli handles exceptions only
      return report(safeErr, e, debug);
    } finally {
      safeOut.flush();
      safeErr.flush();
    }
  }

  static CommandLine commandLine(
      List<Object> others, boolean debug, CommandHelp.Extent help, String... words) {
    return CocoliCommand.of(others, words)
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setHelpFactory((command, colours) -> new CommandHelp(command, colours, help))
        .setParameterExceptionHandler((problem, args) -> usage(problem, debug))
        .setExecutionExceptionHandler(
            (problem, line, result) -> failure(problem, line, result, debug));
  }

  private static int usage(ParameterException problem, boolean debug) {
    CommandLine line = problem.getCommandLine();
    if (debug) {
      printStackTrace(problem, line.getErr());
    }
    String text =
        problem instanceof UnmatchedArgumentException unmatched
            ? unmatched(unmatched)
            : ErrorMessages.oneLine(problem.getMessage());
    line.getErr()
        .println("cocoli: " + text + " (see " + line.getCommandSpec().qualifiedName() + " --help)");
    return CommandLine.ExitCode.USAGE;
  }

  private static String unmatched(UnmatchedArgumentException problem) {
    String word = problem.getUnmatched().getFirst();
    boolean isTop = problem.getCommandLine().getParent() == null;
    String kind = problem.isUnknownOption() ? "option" : isTop ? "command" : "argument";
    List<String> similar = new ArrayList<>(problem.getSuggestions());
    String option = "--" + word.replaceFirst("=.*", "").replace('_', '-');
    if (problem.getCommandLine().getCommandSpec().findOption(option) != null) {
      similar.add(option + word.replaceFirst("[^=]*", "")); // epochs=3, as Ultralytics has it
    }
    return ErrorMessages.oneLine("unknown " + kind + " '" + word + "'")
        + (similar.isEmpty() ? "" : "; did you mean " + String.join(", ", similar) + "?");
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
